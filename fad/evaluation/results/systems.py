"""Systems: experiments that differ only in their seed are runs of one system."""

import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fad.evaluation.metrics.seeds import SeedSummary, summarise_seeds

Experiment = Mapping[str, Any]
"""results.json with its `path` and `cost` (see `fad.evaluation.results.overview.gather`)."""


@dataclass(frozen=True)
class System:
    """Runs of one configuration on one pre-trained file and the same data.

    Attributes:
        name: the common part of its runs' tags; unique among the systems.
        runs: the experiments, by rising seed.
    """

    name: str
    runs: tuple[Experiment, ...]

    def values(self, get: Callable[[Experiment], float | None]) -> list[float]:
        """Values that `get` finds in the runs, without None."""
        return [value for run in self.runs if (value := get(run)) is not None]

    def cost(self, key: str) -> list[float]:
        """A value of each run's cost.json, without None."""
        return self.values(lambda run: run["cost"].get(key))


def spread(values: Sequence[float]) -> SeedSummary | None:
    """Mean, sample deviation, lowest value and count; None without values."""
    return summarise_seeds(values) if values else None


def has_seeds(systems: Sequence[System]) -> bool:
    """Whether some system has several runs, so that there are means, deviations and a best run."""
    return any(len(system.runs) > 1 for system in systems)


def set_names(systems: Sequence[System]) -> list[str]:
    """The test sets of all runs, in the order of their first appearance."""
    runs = (run for system in systems for run in system.runs)
    return list(dict.fromkeys(name for run in runs for name in run["test_sets"]))


def _identity(experiment: Experiment) -> str:
    """A key that is equal for runs that differ only in their seed.

    It has the sha256 of the pre-trained file, not its path. A run without a config is equal to no
    other.
    """
    config = experiment.get("config")
    if not config:
        return f"alone {experiment['path']}"
    train = {key: value for key, value in config.get("train", {}).items() if key != "seed"}
    sha256 = experiment["pretrained"].get("sha256")
    return json.dumps(config | {"train": train, "pretrained": sha256}, sort_keys=True)


def _without_seed(run: Experiment) -> str:
    """The tag without its seed: `lora` of `lora_seed3`, `lora_train.seed=3` and `lora_3`."""
    seed = f"{run['seed']}(?![0-9])"
    named, count = re.subn(rf"[_.=+-]*(train\.)?seed[_.=+-]*{seed}", "", run["tag"], count=1)
    return named if count else re.sub(rf"[_.=+-]+{seed}$", "", run["tag"])


def _name(runs: Sequence[Experiment]) -> str:
    """The common part of the tags; the tag of a single run stays as it is."""
    names = {_without_seed(run) for run in runs}
    return names.pop() if len(runs) > 1 and len(names) == 1 else runs[0]["tag"]


def name_sets(experiments: Sequence[Experiment]) -> list[Experiment]:
    """Adds the recipe to the names of sets, if the experiments are of several recipes.

    `eval` of egs/mini and `eval` of egs/custom are different trials. A name such as `mini/eval`, in
    the results of another recipe, stays.
    """
    if len({_recipe(run) for run in experiments}) < 2:
        return list(experiments)
    return [
        {**run, **{key: _renamed(run, run[key]) for key in ("test_sets", "curves") if run.get(key)}}
        for run in experiments
    ]


def _renamed(run: Experiment, by_set: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name if "/" in name else f"{_recipe(run)}/{name}": found for name, found in by_set.items()
    }


def _recipe(run: Experiment) -> str:
    """`mini` for egs/mini/exp/lora/results.json."""
    return Path(run["path"]).resolve().parents[2].name


def group_seeds(experiments: Sequence[Experiment]) -> list[System]:
    """Groups runs to systems, in the order of their first run.

    If several runs of a system have the same seed, only the first by path counts, and a warning
    names the others: they are no further seeds.

    Systems are named after their tags, with the recipe if there are several (`mini/lora`), and with
    a number if names are still equal.
    """
    groups: dict[str, list[Experiment]] = {}
    for experiment in experiments:
        groups.setdefault(_identity(experiment), []).append(experiment)
    runs = [_one_of_each_seed(group) for group in groups.values()]
    names = [_name(group) for group in runs]
    if len({_recipe(run) for run in experiments}) > 1:
        names = [f"{_recipe(group[0])}/{name}" for name, group in zip(names, runs, strict=True)]
    return [System(name, tuple(group)) for name, group in zip(_numbered(names), runs, strict=True)]


def _one_of_each_seed(group: Sequence[Experiment]) -> list[Experiment]:
    """The first run of each seed and recipe; another recipe has other test sets."""
    found: dict[tuple[int, str], Experiment] = {}
    for run in sorted(group, key=lambda run: (run["seed"], run["path"])):
        first = found.setdefault((run["seed"], _recipe(run)), run)
        if first is not run:
            logging.warning(
                "%s: left out: it repeats %s, of the same config and seed", run["tag"], first["tag"]
            )
    return list(found.values())


def _numbered(names: Sequence[str]) -> list[str]:
    """Makes names unique: a repeated name gets a number."""
    count: Counter[str] = Counter()
    found = []
    for name in names:
        count[name] += 1
        found.append(name if count[name] == 1 else f"{name} ({count[name]})")
    return found
