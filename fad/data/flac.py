"""The MD5 of a FLAC's samples, which its header has and libsndfile does not compare."""

import hashlib
from pathlib import Path

import numpy as np
import soundfile as sf

from fad.utils.errors import FadError

_BLOCK = 1 << 20  # frames
_BYTES = {"PCM_S8": 1, "PCM_16": 2, "PCM_24": 3}
_STREAMINFO = slice(26, 42)  # of the file: the MD5, behind `fLaC`, a block's header and 18 bytes
_NONE = bytes(16)  # an encoder that wrote to a pipe


def check_md5(path: Path, file: sf.SoundFile) -> None:
    """Checks that the samples are those of which a FLAC has the MD5; other formats pass.

    Args:
        path: the file, for messages.
        file: the same, opened; it is read again from its beginning.

    Raises:
        FadError: they are others: a bit of the file has changed.
    """
    if file.format != "FLAC" or file.subtype not in _BYTES:
        return
    with path.open("rb") as raw:
        head = raw.read(_STREAMINFO.stop)
    expected = head[_STREAMINFO]
    if head[:4] != b"fLaC" or expected == _NONE or len(expected) < len(_NONE):
        return
    if _md5(file, _BYTES[file.subtype]) != expected:
        raise FadError(
            f"{path}: damaged: its samples are not those of its MD5: fetch it again or leave it out"
        )


def _md5(file: sf.SoundFile, width: int) -> bytes:
    """The MD5 of the interleaved samples, little endian, of `width` bytes each."""
    digest = hashlib.md5(usedforsecurity=False)
    dtype = "int16" if width == 2 else "int32"
    file.seek(0)
    while len(block := file.read(_BLOCK, dtype=dtype)):
        raw = np.ascontiguousarray(block.astype(f"<{block.dtype.str[1:]}"))
        # libsndfile gives 8 and 24 bits as the upper bytes of 32.
        kept = raw.view(np.uint8).reshape(-1, raw.itemsize)[:, raw.itemsize - width :]
        digest.update(kept.tobytes())
    return digest.digest()
