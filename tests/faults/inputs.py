"""Makers of good inputs, to be spoilt; and what reads them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

RATE = 16_000
Maker = Callable[[Path], Any]

DATA_DIR = {
    "wav.scp": "c-1 a.wav\nc-2 b.wav\nc-3 c.wav\nc-4 d.wav\n",
    "utt2spk": "c-1 p1\nc-2 p1\nc-3 p2\nc-4 p2\n",
    "spk2utt": "p1 c-1 c-2\np2 c-3 c-4\n",
    "utt2label": "c-1 bonafide\nc-2 spoof\nc-3 bonafide\nc-4 spoof\n",
    "utt2attack": "c-1 -\nc-2 A01\nc-3 -\nc-4 A02\n",
    "utt2num_samples": "c-1 8000\nc-2 8000\nc-3 8000\nc-4 8000\n",
    "utt2digest": "".join(f"c-{n} {str(n) * 32}\n" for n in (1, 2, 3, 4)),
}


def noise(seconds: float = 0.5, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """(S,) or (S, C) white noise within a quarter of full scale, always the same."""
    size = (round(seconds * rate),) + ((channels,) if channels > 1 else ())
    return np.random.default_rng(rate + channels).uniform(-0.25, 0.25, size)


def file(name: str, content: str | bytes) -> Maker:
    """Makes a file with this content; gives its path."""
    content = content.encode() if isinstance(content, str) else content

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def data_dir(**content: str | bytes | None) -> Maker:
    """Makes a good data directory but for these tables (`_` for the dot of wav.scp); None: absent.

    Gives the directory's path.
    """

    def make(folder: Path) -> Path:
        good: dict[str, Any] = dict(DATA_DIR)
        good |= {name.replace("wav_scp", "wav.scp"): text for name, text in content.items()}
        data = folder / "data"
        data.mkdir()
        for name, text in good.items():
            if text is not None:
                (data / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return data

    return make


def edited(name: str, old: str, new: str | bytes) -> Maker:
    """A good data directory in which `old` is `new` in one table, once."""
    good = DATA_DIR[name].encode()
    new = new.encode() if isinstance(new, str) else new
    assert good.count(old.encode()) >= 1, f"{name} has no {old!r}"
    return data_dir(**{name.replace(".", "_"): good.replace(old.encode(), new, 1)})


def corpus_of(*clips: str) -> Maker:
    """A data directory whose audio is there, half of each class, and these files as more spoofs.

    The files of that name are made by whoever spoils them. Gives the folder of all.
    """

    def make(folder: Path) -> Path:
        names = ["a.wav", "b.wav", "c.wav", "d.wav", *clips]
        for name in names[:4]:
            sf.write(folder / name, noise(), RATE, subtype="PCM_16")
        utts = [f"c-{number:02d}" for number in range(1, len(names) + 1)]
        labels = [
            "spoof" if number % 2 or number > 3 else "bonafide" for number in range(len(utts))
        ]
        spoof = [label == "spoof" for label in labels]
        columns = {
            "wav_scp": [str(folder / name) for name in names],
            "utt2spk": utts,
            "utt2label": labels,
            "utt2attack": ["A01" if is_spoof else "-" for is_spoof in spoof],
            "spk2utt": utts,
        }
        tables = {
            name: "".join(f"{u} {v}\n" for u, v in zip(utts, values, strict=True))
            for name, values in columns.items()
        }
        data_dir(**tables, utt2num_samples=None, utt2digest=None)(folder)
        return folder

    return make
