"""Hashes of a dump's contents, to detect a changed dump."""

import hashlib
from pathlib import Path

from fad.data import tables
from fad.data.digests import DIGESTS, check_digest, check_has_digests


def fingerprint(audio: Path) -> str:
    """The sha256 of what training reads of a `dump/audio/<set>`: ids, classes and samples.

    Paths are left out, so a corpus may move.

    Raises:
        FadError: a table is missing or malformed.
    """
    return _sha256(audio, {audio / "utt2label": tables.check_label})


def audio_fingerprint(audio: Path) -> str:
    """The sha256 of what an encoder reads of a `dump/audio/<set>`: ids and samples, no classes.

    Raises:
        FadError: a table is missing or malformed.
    """
    return _sha256(audio, {})


def _sha256(audio: Path, checks: dict[Path, tables.Check]) -> str:
    check_has_digests(audio)
    digest = hashlib.sha256()
    for utt, values in tables.read_together({**checks, audio / DIGESTS: check_digest}):
        digest.update(f"{utt} {' '.join(values)}\n".encode())
    return digest.hexdigest()
