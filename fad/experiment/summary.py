"""Reads the summary and the cost of training, which are beside the model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fad.experiment.directory import ExperimentDir
from fad.utils.errors import FadError
from fad.utils.json_files import read_json

REQUIRED: dict[str, tuple[type, ...]] = {
    "config_name": (str,),
    "seed": (int,),
    "adaptation": (str,),
    "parameters": (dict,),
    "pretrained": (dict,),
    "best": (dict,),
}
TRAINING_DATA = "training_data"  # see `fad.experiment.training_data`; older summaries lack it
_NUMBER = (int, float)
_COST_KEYS: dict[str, tuple[type, ...]] = {
    "seconds_per_epoch": (*_NUMBER, type(None)),
    "peak_memory_mb": (*_NUMBER, type(None)),
    "epochs": (int,),
    "device": (str,),
    "processes": (int,),
}


def read_train_summary(exp: ExperimentDir) -> dict[str, Any]:
    """Reads `exp/<tag>/train_summary.json`: same inputs, same bytes.

    Raises:
        FadError: the file is missing or is not JSON, or a key is missing or of another type.
    """
    return _read(exp.summary, REQUIRED)


def read_cost(exp: ExperimentDir) -> dict[str, Any]:
    """Reads `exp/<tag>/cost.json`: seconds, memory, device and processes.

    Raises:
        FadError: as `read_train_summary`.
    """
    return _read(exp.cost, _COST_KEYS)


def _read(path: Path, types: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    found = read_json(path, "run stage 3 again" if path.is_file() else "run stage 3 first")
    if not isinstance(found, dict):
        raise FadError(f"{path}: holds no keys: run stage 3 again")
    if missing := [key for key in types if key not in found]:
        raise FadError(f"{path}: lacks {', '.join(missing)}: run stage 3 again")
    for key, allowed in types.items():
        if type(found[key]) not in allowed:
            shown = repr(found[key])[:40]
            raise FadError(f"{path}: {key} is {shown}: run stage 3 again")
    return found
