"""Small training runs on the tiny dump."""

from pathlib import Path

import torch

from fad.config.resolve import load_config
from fad.experiment.directory import ExperimentDir
from fad.train.checkpointing import load_checkpoint
from fad.train.experiment import train_experiment
from fad.train.world import World

# Short crops and no worker processes: an epoch takes a quarter of a second.
SMALL = [
    "train.crop_samples=16400",
    "train.batch_size=4",
    "train.epochs=2",
    "train.num_workers=0",
    "train.lr=1e-2",
    "train.log_interval=1",
]


def small_config(name: str = "lora", *overrides: str) -> dict:
    """A shipped config made small."""
    return load_config(name, [*SMALL, *overrides])


def train(
    exp: Path,
    pretrained: Path,
    dump: Path,
    name: str = "lora",
    *overrides: str,
    stored: str = "none",
    world: World | None = None,
) -> Path:
    """Trains a shipped config, made small, on the sets `train` and `dev` of a dump."""
    train_experiment(
        small_config(name, *overrides),
        name,
        pretrained,
        dump,
        "train",
        "dev",
        ExperimentDir(exp),
        torch.device("cpu"),
        stored,
        world or World(),
    )
    return exp


def history(exp: Path) -> list[dict]:
    """What each epoch of an experiment gave."""
    return load_checkpoint(exp / "checkpoint.pt")[0].history


def losses(exp: Path) -> list[float]:
    """Train and dev loss of each epoch of an experiment, in turn."""
    return [epoch[key] for epoch in history(exp) for key in ("train_loss", "dev_loss")]


def dump_frames(dump: Path, pretrained: Path, *sets: str) -> None:
    """Stores the frontend's frames of sets, as stage 2 does."""
    from fad.bin import dump_frames as entry

    common = ["--config", "lora", "--pretrained", str(pretrained), "--dump_dir", str(dump)]
    for name in sets:
        entry.main([*common, "--name", name])
        entry.main([*common, "--name", name, "--combine", "true"])
