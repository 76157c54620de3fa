"""How experiments are named, and the names of the files in their folders."""

import re
from collections.abc import Sequence

from fad.config.resolve import config_name
from fad.utils.errors import FadError

CONFIG = "config.yaml"  # the config, and what the model was made from
CHECKPOINT = "checkpoint.pt"  # state to resume training
WEIGHTS = "best.safetensors"  # what scoring needs of the best epoch
SUMMARY = "train_summary.json"  # what training gave: the same from every run with the same inputs
COST = "cost.json"  # what training took
EPOCHS = "epochs"  # a folder: the best epochs' states, where they are averaged
TENSORBOARD = "tensorboard"
SCORES = "scores"  # a folder: a file for each set
CALIBRATION = "calibration.json"
RESULTS, CURVES, RESULTS_MD, REPORT = "results.json", "curves.json", "RESULTS.md", "report.html"

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=+-]*")


def make_tag(config: str, overrides: Sequence[str]) -> str:
    """The name under exp/ of a config and its overrides: `lora_train.lr=1e-4`."""
    return re.sub(r"[^A-Za-z0-9._=+-]", "-", "_".join([config_name(config), *overrides]))


def check_tag(tag: str) -> str:
    """Returns `tag` where it is safe as a folder's name.

    Raises:
        FadError: it is not.
    """
    if not _TAG.fullmatch(tag):
        shown = tag if tag.isprintable() else ascii(tag)[1:-1]
        raise FadError(f"--tag '{shown}': use letters, digits and . _ = + - only")
    return tag
