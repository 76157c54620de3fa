"""A small experiment on disk: two attacks that training saw, one that it did not."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from fad.config.resolve import dump_config, merge_config
from fad.experiment.directory import ExperimentDir
from fad.experiment.scores import record_scoring
from tests.helpers.corpus import add_digests

SHARED = Path(__file__).parents[3] / "shared" / "data"
SUMMARY = {
    "config_name": "lora",
    "seed": 7,
    "adaptation": "lora",
    "parameters": {
        "total": 2_000_000,
        "trainable": 10_000,
        "adaptation": 9_000,
        "backend": 1_000,
        "ratio": 200.0,
    },
    "pretrained": {"path": "mini.pt", "sha256": "ab" * 32},
    "best": {"epoch": 3, "dev_eer": 0.0125, "dev_loss": 0.1},
    "training_data": {
        "train_set": "train",
        "dev_set": "dev",
        "bonafide": 1,
        "spoof": 3,
        "speakers": 2,
        "attacks": ["mini/lpc", "mini/other", "mini/world"],
    },
}
COST = {
    "seconds_per_epoch": 12.34,
    "peak_memory_mb": 812.3,
    "epochs": 5,
    "device": "cpu",
    "processes": 1,
}


class Experiment(NamedTuple):
    """Folders of an experiment that is ready for stage 5."""

    exp: Path
    eval: Path

    @property
    def directory(self) -> ExperimentDir:
        """The owner of `exp`."""
        return ExperimentDir(self.exp)


def write(path: Path, rows: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{utt} {rows[utt]}\n" for utt in sorted(rows)))


@pytest.fixture
def experiment(tmp_path) -> Experiment:
    rng = np.random.default_rng(0)
    attacks = ["-"] * 60 + ["world"] * 40 + ["lpc"] * 40 + ["tts"] * 30
    utts = [f"mini-{index:03d}" for index in range(len(attacks))]
    means = {"-": 2.0, "world": -2.0, "lpc": -1.0, "tts": 1.0}
    scores = [means[attack] + rng.normal() for attack in attacks]
    labels = ["bonafide" if attack == "-" else "spoof" for attack in attacks]
    speakers = [f"s{index % 12}" for index in range(len(attacks))]
    found = Experiment(tmp_path / "exp" / "lora", tmp_path / "eval")
    write(found.exp / "scores" / "eval", dict(zip(utts, scores, strict=True)))
    columns = {"utt2label": labels, "utt2attack": attacks, "utt2spk": speakers}
    for name, column in columns.items():
        write(found.eval / name, dict(zip(utts, column, strict=True)))
    config = merge_config("lora", ["train.lr=0.5"]) | {"data": {"train": "12" * 32}}
    (found.exp / "config.yaml").write_text(dump_config(config))
    (found.exp / "train_summary.json").write_text(json.dumps(SUMMARY))
    (found.exp / "cost.json").write_text(json.dumps(COST))
    (found.exp / "best.safetensors").write_bytes(b"weights")
    add_digests(found.eval)
    record_scoring(found.directory, found.exp / "scores" / "eval", found.eval)
    return found


@pytest.fixture(scope="session")
def asvspoof2019_la() -> Path:
    corpus = Path(os.environ.get("FAD_SHARED_DATA", SHARED)) / "asvspoof2019_la"
    if not corpus.is_dir():
        pytest.skip(f"the ASVspoof 2019 LA scores are not there: {corpus} (set FAD_SHARED_DATA)")
    return corpus
