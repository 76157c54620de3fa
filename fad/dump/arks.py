"""Reads float matrices from kaldiio arks; it opens only the named file and runs nothing.

kaldiio writes the arks. Its reader also runs pipes and unpickles entries, so a table from elsewhere
could run code. This reader knows one kind of entry and two kinds of matrix.
"""

import io
import os
import re
import struct
from array import array

import numpy as np

from fad.utils.errors import FadError

_ENTRY = re.compile(r"(?P<ark>[^|]+\.ark):(?P<offset>\d{1,18})")


class Entries:
    """The entries of a feats.scp, 12 bytes each; the name of each ark is stored once."""

    def __init__(self) -> None:
        self._arks: list[str] = []
        self._places: dict[str, int] = {}
        self._numbers, self._offsets = array("i"), array("q")

    def append(self, entry: str) -> None:
        """Adds `<file>.ark:<offset>`.

        Raises:
            FadError: the entry has another form.
        """
        ark, offset = _parse(entry)
        if ark not in self._places:
            self._places[ark] = len(self._arks)
            self._arks.append(ark)
        self._numbers.append(self._places[ark])
        self._offsets.append(offset)

    def __getitem__(self, index: int) -> str:
        return f"{self._arks[self._numbers[index]]}:{self._offsets[index]}"


def _parse(entry: str) -> tuple[str, int]:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise FadError(f"{entry}: not '<file>.ark:<offset>'; run stage 2 again")
    return found["ark"], int(found["offset"])


def read_matrix(
    entry: str, shape: tuple[int, int], rows: range, dtype: str = "float32"
) -> np.ndarray:
    """Reads `<file>.ark:<offset>`; as in Kaldi, the offset points after the utterance's name.

    Args:
        entry: a value of feats.scp.
        shape: the expected rows and columns (T, C).
        rows: which rows to read, in steps of 1; the others are skipped.
        dtype: float32 (Kaldi's own matrix) or float16 (NumPy's format inside the ark).

    Returns:
        (len(rows), C) of that type.

    Raises:
        FadError: an entry of another form, an unreadable file, or another shape or type.
    """
    ark, offset = _parse(entry)
    head = _kaldi_head(shape) if dtype == "float32" else _numpy_head(shape, dtype)
    matrix = np.empty((len(rows), shape[1]), dtype=dtype)
    try:
        with open(ark, "rb") as file:
            file.seek(offset)
            got = file.read(len(head))
            file.seek(matrix.itemsize * rows.start * shape[1], os.SEEK_CUR)
            size = file.readinto(matrix.data.cast("B"))
    except OSError as error:
        raise FadError(f"{entry}: {error.strerror}; run stage 2 again") from None
    if got != head or size != matrix.nbytes:
        raise FadError(
            f"{entry}: not a {dtype} matrix of shape {shape}: the dump is of other audio or cut "
            "short; remove it and run stage 2 again"
        )
    return matrix


def _kaldi_head(shape: tuple[int, int]) -> bytes:
    """The header of Kaldi's binary float matrix: a mark, the type, and each dimension."""
    return struct.pack("<5sbibi", b"\0BFM ", 4, shape[0], 4, shape[1])


def _numpy_head(shape: tuple[int, int], dtype: str) -> bytes:
    """The header of a .npy entry: kaldiio's mark, the size of the length, the length, NumPy's."""
    head, kind = io.BytesIO(), np.dtype(dtype)
    about = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, about)
    length = head.tell() + shape[0] * shape[1] * kind.itemsize
    size = -(-length.bit_length() // 8)
    return b"NPY" + bytes([size]) + length.to_bytes(size, "little") + head.getvalue()
