"""Gathers many experiments from their results.json and cost.json, and shows them in one table."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from fad.evaluation.results.attack_names import with_short_attacks
from fad.evaluation.results.checked import SCHEMA, read_checked
from fad.evaluation.results.curves import read_curves
from fad.evaluation.results.systems import Experiment, System, set_names, spread
from fad.evaluation.results.tables import decimal, whole
from fad.experiment.directory import ExperimentDir
from fad.experiment.names import CONFIG, RESULTS
from fad.experiment.summary import read_cost
from fad.utils.errors import FadError

FIXED = ["system", "runs", "trainable", "fewer", "s/epoch", "peak MB"]
MOST_NAMED = 3  # of the experiments that are left out
SORT_KEYS = {
    "name": lambda found: found["tag"],
    "trainable": lambda found: (found["parameters"]["trainable"], found["tag"]),
}


def read_results(path: Path) -> dict[str, Any]:
    """One results.json.

    Raises:
        FadError: it is no JSON, of another version, or not what schema.json says.
    """
    return read_checked(path, SCHEMA, "schema_version")


def gather(exp_dirs: Iterable[Path], sort: str = "trainable") -> list[dict[str, Any]]:
    """Reads all results under some `exp` folders, each with its `path` and `cost`, sorted.

    A warning names experiments that are left out since they have no results yet.

    Args:
        exp_dirs: folders with `<tag>/results.json` in them, or such a tag's own folder.
        sort: a key of `SORT_KEYS`.

    Raises:
        FadError: there are none that can be read.
    """
    exp_dirs = list(exp_dirs)
    paths = _files(exp_dirs, RESULTS)
    if not paths:
        places = ", ".join(map(str, exp_dirs))
        raise FadError(f"no <tag>/results.json in {places}: run stage 5 of a recipe first")
    _warn_of_missing(paths, _files(exp_dirs, CONFIG))
    found = [run for path in paths if (run := _read(path)) is not None]
    if not found:
        raise FadError("no results can be read (see above): run stage 5 again")
    return sorted(found, key=SORT_KEYS[sort])


def _read(path: Path) -> dict[str, Any] | None:
    """One experiment; None, with a warning, if it is broken: the others do not depend on it."""
    try:
        cost = read_cost(ExperimentDir(path.parent))
        return read_results(path) | {"path": str(path), "cost": cost}
    except FadError as error:
        logging.warning("left out: %s", error)
        return None


def _files(exp_dirs: Iterable[Path], name: str) -> list[Path]:
    """Files of this name in the folders and in their subfolders, each once, sorted."""
    found = [path for exp in exp_dirs for path in (exp / name, *exp.glob(f"*/{name}"))]
    return sorted({path for path in found if path.is_file()})


def _warn_of_missing(results: Iterable[Path], configs: Iterable[Path]) -> None:
    """Warns of experiments that have been or are being trained and have no results."""
    done = {path.parent for path in results}
    started = [path.parent for path in configs]
    missing = [folder.name for folder in started if folder not in done]
    if missing:
        named = ", ".join(missing[:MOST_NAMED] + ["..."] * (len(missing) > MOST_NAMED))
        logging.warning(
            "%d of %d experiments have no results.json (run stage 5): %s",
            *(len(missing), len(done.union(started)), named),
        )


def gather_with_curves(exp_dirs: Iterable[Path], sort: str = "trainable") -> list[dict[str, Any]]:
    """As `gather` for one page: with short names of attacks, and `curves`, None without any."""
    found = [run | {"curves": _curves_of(run)} for run in gather(exp_dirs, sort)]
    return with_short_attacks(found)


def _curves_of(run: Experiment) -> dict[str, Any] | None:
    """The curves of a run's sets of both classes; None, with a warning, if they are broken."""
    try:
        curves = read_curves(ExperimentDir(Path(run["path"]).parent))
    except FadError as error:
        logging.warning("shown without its plots: %s", error)
        return None
    sets = run["test_sets"]
    of_both = {name for name, found in sets.items() if "one_class" not in found}
    return curves and {name: found for name, found in curves.items() if name in of_both}


def each_alone(experiments: Iterable[Experiment]) -> list[System]:
    """Every run as a system of its own, under its tag."""
    return [System(run["tag"], (run,)) for run in experiments]


def _fixed_cells(system: System) -> list[str]:
    parameters = system.runs[0]["parameters"]
    trainable = parameters["trainable"]
    seconds = system.cost("seconds_per_epoch")
    return [
        system.name,
        str(len(system.runs)),
        whole(trainable),
        f"{parameters['ratio']:.1f}x" if parameters["ratio"] else "-",
        decimal(fmean(seconds) if seconds else None, 1),
        whole(max(system.cost("peak_memory_mb"), default=None)),
    ]


def eer_of(name: str, group: str = "all") -> Callable[[Experiment], float | None]:
    """Returns a getter of a run's EER in percent on a set, over all, `seen` or `unseen` attacks."""

    def get(run: Experiment) -> float | None:
        found = run["test_sets"].get(name, {})
        return (found if group == "all" else found.get(group, {})).get("eer_percent")

    return get


def mean_text(values: Sequence[float], digits: int = 2) -> str:
    """`5.83 ± 1.20`, mean and sample deviation; `5.83` for one value, `-` for none."""
    found = spread(values)
    if found is None:
        return "-"
    deviation = "" if found.deviation is None else f" ± {found.deviation:.{digits}f}"
    return f"{found.mean:.{digits}f}{deviation}"


def _eer_cells(system: System, name: str) -> list[str]:
    """EER over all attacks, with the best of several runs, and over seen and unseen attacks."""
    pooled = system.values(eer_of(name))
    best = f" ({min(pooled):.2f})" if len(pooled) > 1 else ""
    groups = (system.values(eer_of(name, group)) for group in ("seen", "unseen"))
    return [mean_text(pooled) + best, *map(mean_text, groups)]


def _place(system: System) -> str:
    """The folder of the run, or of all runs."""
    folder = Path(system.runs[0]["path"]).parent
    return str(folder if len(system.runs) == 1 else folder.parent)


def overview_table(
    systems: Sequence[System], marked: Collection[str] = ()
) -> tuple[list[str], list[list[str]]]:
    """Header and rows: parameters, cost, and three columns of EERs in percent for each set.

    An EER of several runs is their mean ± sample deviation, with the best in brackets. The sets in
    `marked` have a `*` in the header.
    """
    names = set_names(systems)
    titles = [f"{name} EER %{' *' if name in marked else ''}" for name in names]
    groups = [(title, "seen", "unseen") for title in titles]
    header = [*FIXED, *(title for group in groups for title in group), "results in"]
    rows = [
        [
            *_fixed_cells(system),
            *(cell for name in names for cell in _eer_cells(system, name)),
            _place(system),
        ]
        for system in systems
    ]
    return header, rows
