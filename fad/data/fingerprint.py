"""A hash of a dump's contents, to detect a changed dump."""

import hashlib
import os
from pathlib import Path

from fad.data import tables
from fad.utils.errors import FadError


def fingerprint(audio: Path) -> str:
    """The sha256 of a `dump/audio/<set>`: utterances, classes, lengths and file sizes.

    Paths are left out, so a corpus may move. A different recording of the same length in a file of
    the same size is not detected, since reading all audio again would cost what the dump saves.

    Raises:
        FadError: an audio file is missing.
    """
    lines = tables.read_together(
        {
            audio / "wav.scp": tables.check_no_pipe,
            audio / "utt2label": tables.check_label,
            audio / tables.LENGTHS: tables.check_length,
        }
    )
    digest = hashlib.sha256()
    for utt, (path, label, samples) in lines:
        digest.update(f"{utt} {label} {samples} {_size(audio, path)}\n".encode())
    return digest.hexdigest()


def _size(audio: Path, path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError as error:
        where = f"{audio}/wav.scp: {path}"
        raise FadError(f"{where}: {error.strerror}: run stage 2 again") from None
