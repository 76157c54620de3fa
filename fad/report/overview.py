"""One table over many experiments, made of their results.json and cost.json."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fad.errors import FadError
from fad.report.summary import SCHEMA_VERSION, decimal, whole
from fad.report.training import read_cost

FIXED = ["tag", "trainable", "fewer", "s/epoch", "peak MB"]
SORT_KEYS = {
    "name": lambda found: found["tag"],
    "trainable": lambda found: (found["parameters"]["trainable"], found["tag"]),
}


def read_results(path: Path) -> dict[str, Any]:
    """One results.json.

    Raises:
        FadError: it is no JSON or of another schema.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FadError(f"{path}: is no JSON ({error}): run stage 5 again") from error
    version = found.get("schema_version")
    if version != SCHEMA_VERSION:
        raise FadError(f"{path}: schema {version}, not {SCHEMA_VERSION}: run stage 5 again")
    return found


def gather(exp_dirs: Iterable[Path], sort: str = "trainable") -> list[dict[str, Any]]:
    """All results under some `exp` folders, each with its `path` and `cost`, sorted.

    Args:
        exp_dirs: folders with `<tag>/results.json` in them, or such a tag's own folder.
        sort: a key of `SORT_KEYS`.

    Raises:
        FadError: there are none, or a file is not readable as results.
    """
    exp_dirs = list(exp_dirs)
    candidates = [exp / "results.json" for exp in exp_dirs]
    candidates += [path for exp in exp_dirs for path in exp.glob("*/results.json")]
    paths = sorted({path for path in candidates if path.is_file()})
    if not paths:
        places = ", ".join(map(str, exp_dirs))
        raise FadError(f"no <tag>/results.json in {places}: run stage 5 of a recipe first")
    found = [
        read_results(path) | {"path": str(path), "cost": read_cost(path.parent)} for path in paths
    ]
    return sorted(found, key=SORT_KEYS[sort])


def _fixed_cells(found: dict[str, Any]) -> list[str]:
    parameters, cost = found["parameters"], found["cost"]
    trainable = parameters["trainable"]
    return [
        found["tag"],
        whole(trainable),
        f"{parameters['ratio']:.1f}x" if trainable else "-",
        decimal(cost["seconds_per_epoch"], 1),
        whole(cost["peak_memory_mb"]),
    ]


def _eer_cells(found: dict[str, Any], name: str) -> list[str]:
    """EER over all, seen and unseen attacks of a set, `-` for what is not known."""
    results = found["test_sets"].get(name, {})
    parts = [results, results.get("seen", {}), results.get("unseen", {})]
    return [decimal(part.get("eer_percent")) for part in parts]


def overview_table(experiments: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: parameters, cost, and three columns of EERs in percent for each set."""
    names = list(dict.fromkeys(name for found in experiments for name in found["test_sets"]))
    groups = [(f"{name} EER %", "seen", "unseen") for name in names]
    header = [*FIXED, *(title for group in groups for title in group), "results in"]
    rows = [
        [
            *_fixed_cells(found),
            *(cell for name in names for cell in _eer_cells(found, name)),
            str(Path(found["path"]).parent),
        ]
        for found in experiments
    ]
    return header, rows
