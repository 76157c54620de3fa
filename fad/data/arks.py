"""Reads float32 matrices of kaldiio arks; nothing but the named file is opened, nothing is run.

kaldiio writes the arks. Its reader also runs pipes and unpickles what an entry points to, so that a
table from elsewhere could run code; ours knows one kind of entry and one kind of matrix.
"""

import os
import re
import struct

import numpy as np

from fad.errors import FadError

_ENTRY = re.compile(r"(?P<ark>[^|]+\.ark):(?P<offset>\d{1,18})")


def read_matrix(entry: str, shape: tuple[int, int], rows: range) -> np.ndarray:
    """Reads `<file>.ark:<offset>`, the offset pointing behind the utterance's name, as in Kaldi.

    Args:
        entry: a value of feats.scp.
        shape: the rows and columns that there must be.
        rows: which rows to read, in steps of 1; the others are passed over.

    Returns:
        (len(rows), C) float32.

    Raises:
        FadError: an entry of another form, an unreadable file, or another shape or type.
    """
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise FadError(f"{entry}: not '<file>.ark:<offset>'; run stage 2 again")
    # Kaldi's binary float matrix: a mark, the type, then each dimension behind its size in bytes.
    head = struct.pack("<5sbibi", b"\0BFM ", 4, shape[0], 4, shape[1])
    matrix = np.empty((len(rows), shape[1]), dtype="<f4")
    try:
        with open(found["ark"], "rb") as file:
            file.seek(int(found["offset"]))
            got = file.read(len(head))
            file.seek(4 * rows.start * shape[1], os.SEEK_CUR)
            size = file.readinto(matrix.data.cast("B"))
    except OSError as error:
        raise FadError(f"{entry}: {error.strerror}; run stage 2 again") from None
    if got != head or size != matrix.nbytes:
        raise FadError(
            f"{entry}: not a float32 matrix of shape {shape}: the dump is of other audio or cut "
            "short; remove it and run stage 2 again"
        )
    return matrix
