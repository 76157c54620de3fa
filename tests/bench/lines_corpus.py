"""A data directory of a million utterances, with scores and stored frames, and no million files."""

import json
import os
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fad.config.resolve import dump_config, merge_config
from fad.data import tables
from fad.data.digests import DIGESTS
from fad.dump.layout import FEATS

CORPUS = "asvspoof2019_la"
CLIPS = 1000  # in a folder
ATTACKS, SPEAKERS, SPLITS = 19, 500, ("train", "train", "train", "dev", "eval")
ARKS, FRAME_BYTES = 32, 512 * 4
SUMMARY = {
    **{"config_name": "lora", "seed": 7, "adaptation": "lora"},
    "parameters": {
        **{"total": 317_390_592, "trainable": 397_338, "adaptation": 393_216},
        **{"backend": 4122, "ratio": 799.0},
    },
    "pretrained": {"path": "xlsr2_300m.pt", "sha256": "ab" * 32},
    "best": {"epoch": 3, "dev_eer": 0.0125, "dev_loss": 0.1},
}
COST = {
    **{"seconds_per_epoch": 12.3, "peak_memory_mb": 812.3, "epochs": 5},
    **{"device": "cpu", "processes": 1},
}


class Line(NamedTuple):
    """One utterance."""

    name: str
    path: str
    label: str
    attack: str
    speaker: str
    samples: int
    split: str

    @property
    def utt(self) -> str:
        """Its id in the tables."""
        return f"{CORPUS}-{self.name}"


class Places:
    """What lies where in the folder of the bench."""

    def __init__(self, folder: Path) -> None:
        self.audio = folder / "recipe" / "dump" / "audio" / "train"
        self.frames = folder / "recipe" / "dump" / "frontend-xlsr2_300m" / "train"
        self.exp = folder / "recipe" / "exp" / "lora"
        self.scores = self.exp / "scores" / "train"
        self.prepared = folder / "recipe" / "data"
        self.corpus = folder / "corpora" / "asvspoof2019" / "LA" / "ASVspoof2019_LA_train"


def lines(folder: Path, count: int) -> Iterator[Line]:
    """Utterances, sorted; one in ten is bona fide."""
    rng = np.random.default_rng(0)
    samples = rng.integers(16_000, 160_000, count).tolist()
    speakers = rng.integers(SPEAKERS, size=count).tolist()
    corpus = Places(folder).corpus
    for n in range(count):
        label, attack = ("spoof", f"A{n % ATTACKS + 1:02d}") if n % 10 else ("bonafide", "-")
        yield Line(
            f"LA_T_{1_000_000 + n}",
            f"{corpus}/flac_{n // CLIPS:04d}/LA_T_{n % CLIPS:07d}.flac",
            label,
            attack,
            f"LA_{speakers[n]:04d}",
            samples[n],
            SPLITS[n // 10 % len(SPLITS)],
        )


def data_tables(folder: Path, count: int) -> dict[str, tables.Table]:
    """The tables of a dump but `spk2utt`."""
    names = ("wav.scp", "utt2label", "utt2attack", "utt2spk", tables.LENGTHS, DIGESTS)
    found: dict[str, tables.Table] = {name: {} for name in names}
    for line in lines(folder, count):
        values = (line.path, line.label, line.attack, line.speaker, str(line.samples))
        values += (md5(line.utt.encode()).hexdigest(),)
        for name, value in zip(names, values, strict=True):
            found[name][line.utt] = value
    return found


def write_clips(folder: Path, count: int) -> None:
    """A file for each path: one, under a thousand names, in one folder that has many names."""
    corpus = Places(folder).corpus
    real = corpus / "flac"
    real.mkdir(parents=True)
    (real / "clip").write_bytes(bytes(80_000))
    for n in range(min(CLIPS, count)):
        os.link(real / "clip", real / f"LA_T_{n:07d}.flac")
    for n in range(-(-count // CLIPS)):
        (corpus / f"flac_{n:04d}").symlink_to(real)


def write_protocol(folder: Path, count: int) -> None:
    """egs/custom's protocol.tsv."""
    with open(Places(folder).corpus / "protocol.tsv", "w", encoding="utf-8") as file:
        file.write("utt\tpath\tlabel\tattack\tspeaker\tsplit\n")
        for line in lines(folder, count):
            row = (line.name, line.path, line.label, line.attack, line.speaker, line.split)
            file.write("\t".join(row) + "\n")


def write_frames(folder: Path, count: int) -> None:
    """A feats.scp without its arks."""
    out, offset = Places(folder).frames, 0
    out.mkdir(parents=True)
    with open(out / FEATS, "w", encoding="utf-8") as file:
        for n, line in enumerate(lines(folder, count)):
            offset += line.samples // 320 * FRAME_BYTES
            file.write(f"{line.utt} {out}/feats.{n * ARKS // count + 1}of{ARKS}.ark:{offset}\n")


def write_experiment(folder: Path, count: int) -> None:
    """An `exp/<tag>` with scores of the set; the classes' scores are normal, 8 nats apart."""
    places, rng = Places(folder), np.random.default_rng(1)
    places.scores.parent.mkdir(parents=True)
    with open(places.scores, "w", encoding="utf-8") as file:
        for line, noise in zip(lines(folder, count), rng.normal(0, 3, count), strict=True):
            file.write(f"{line.utt} {noise + (4 if line.label == 'bonafide' else -4):.6f}\n")
    (places.exp / "config.yaml").write_text(dump_config(merge_config("lora")))
    (places.exp / "train_summary.json").write_text(json.dumps(SUMMARY))
    (places.exp / "cost.json").write_text(json.dumps(COST))
    (places.exp / "best.safetensors").write_bytes(b"weights")


def write_all(folder: Path, count: int) -> None:
    """All that the steps read, but the data directory, which the first of them writes."""
    for write in (write_clips, write_protocol, write_frames, write_experiment):
        write(folder, count)
