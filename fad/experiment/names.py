"""The names of experiments and of the files in their folders."""

import re
from collections.abc import Sequence

from fad.config.resolve import config_name
from fad.utils.errors import FadError

CONFIG = "config.yaml"  # the config and the inputs of the model
CHECKPOINT = "checkpoint.pt"  # state to resume training
WEIGHTS = "best.safetensors"  # the tensors of the best epoch that scoring needs
SUMMARY = "train_summary.json"  # the result of training: same inputs, same bytes
COST = "cost.json"  # the time and memory of training
EPOCHS = "epochs"  # a folder: the best epochs' states, if they are averaged
TENSORBOARD = "tensorboard"
SCORES = "scores"  # a folder: one file for each set
CALIBRATION = "calibration.json"
RESULTS, CURVES, RESULTS_MD, REPORT = "results.json", "curves.json", "RESULTS.md", "report.html"

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=+-]*")


def make_tag(config: str, overrides: Sequence[str]) -> str:
    """The name of a config and its overrides under exp/: `lora_train.lr=1e-4`."""
    return re.sub(r"[^A-Za-z0-9._=+-]", "-", "_".join([config_name(config), *overrides]))


def check_tag(tag: str) -> str:
    """Returns `tag` if it is safe as a folder's name.

    Raises:
        FadError: it is not safe.
    """
    if not _TAG.fullmatch(tag):
        shown = tag if tag.isprintable() else ascii(tag)[1:-1]
        raise FadError(f"--tag '{shown}': use letters, digits and . _ = + - only")
    return tag
