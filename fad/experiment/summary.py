"""Reads the summary and the cost of training, which are beside the model."""

import json
from pathlib import Path
from typing import Any

from fad.experiment.directory import ExperimentDir
from fad.utils.errors import FadError

REQUIRED = ("config_name", "seed", "adaptation", "parameters", "pretrained", "best")
TRAINING_DATA = "training_data"  # see `fad.experiment.training_data`; older summaries lack it
_COST_KEYS = ("seconds_per_epoch", "peak_memory_mb", "epochs", "device", "processes")


def read_train_summary(exp: ExperimentDir) -> dict[str, Any]:
    """Reads `exp/<tag>/train_summary.json`: same inputs, same bytes.

    Raises:
        FadError: the file is missing, is not JSON, or lacks a key.
    """
    return _read(exp.summary, REQUIRED)


def read_cost(exp: ExperimentDir) -> dict[str, Any]:
    """Reads `exp/<tag>/cost.json`: seconds, memory, device and processes.

    Raises:
        FadError: as `read_train_summary`.
    """
    return _read(exp.cost, _COST_KEYS)


def _read(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FadError(f"{path}: cannot be read ({error.strerror}): run stage 3 first") from error
    except ValueError as error:
        raise FadError(f"{path}: is no JSON ({error}): run stage 3 again") from error
    if not isinstance(found, dict):
        raise FadError(f"{path}: holds no keys: run stage 3 again")
    missing = [key for key in keys if key not in found]
    if missing:
        raise FadError(f"{path}: lacks {', '.join(missing)}: run stage 3 again")
    return found
