"""What a dump holds, in one number: so that what was made from it is not taken for another's."""

import hashlib
import os
from pathlib import Path

from fad.data import tables
from fad.errors import FadError


def fingerprint(audio: Path) -> str:
    """A sha256 of a `dump/audio/<set>`: utterances, classes, lengths and the files' sizes.

    Paths are not part of it, so that a corpus may move. Another recording of the same length in a
    file of the same size goes unseen: reading all audio again would cost what the dump saves.

    Raises:
        FadError: an audio file is gone.
    """
    paths = tables.read_wav_scp(audio / "wav.scp")
    labels = tables.read_labels(audio / "utt2label")
    samples = tables.read_table(audio / "utt2num_samples")
    tables.check_same_keys(
        {
            f"{audio}/wav.scp": paths,
            f"{audio}/utt2label": labels,
            f"{audio}/utt2num_samples": samples,
        }
    )
    digest = hashlib.sha256()
    for utt, path in paths.items():
        digest.update(f"{utt} {labels[utt]} {samples[utt]} {_size(audio, path)}\n".encode())
    return digest.hexdigest()


def _size(audio: Path, path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError as error:
        where = f"{audio}/wav.scp: {path}"
        raise FadError(f"{where}: {error.strerror}: run stage 2 again") from None
