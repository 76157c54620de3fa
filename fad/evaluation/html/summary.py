"""The section of the table of all systems, with EER against cost."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from fad.evaluation.html.introduction import first_with
from fad.evaluation.html.parts import Figure, Table
from fad.evaluation.plots.cost import CostPoint, cost_svg
from fad.evaluation.results.overview import eer_of, mean_text
from fad.evaluation.results.systems import Experiment, System, has_seeds, set_names
from fad.evaluation.results.tables import decimal, whole

NO_ERROR = "†"


def rated_sets(systems: Sequence[System]) -> list[str]:
    """The sets on which some run has an EER: those of both classes."""
    return [
        name
        for name in set_names(systems)
        if any(system.values(eer_of(name)) for system in systems)
    ]


def macro_eer(names: Sequence[str]) -> Callable[[Experiment], float | None]:
    """Returns a getter of a run's mean EER over sets, equally weighted; None where it lacks one."""

    def get(run: Experiment) -> float | None:
        eers = (eer_of(name)(run) for name in names)
        found = [eer for eer in eers if eer is not None]
        return sum(found) / len(found) if len(found) == len(names) else None

    return get


def interval_text(system: System, name: str) -> str:
    """The 95 % interval; of several runs their range. It is marked where no run has an error."""
    ends = _intervals([system], name)
    if not ends:
        return "-"
    low = min(end["low_percent"] for end in ends)
    high = max(end["high_percent"] for end in ends)
    return f"{low:.2f} to {high:.2f}{NO_ERROR if high == 0 else ''}"


def _intervals(systems: Sequence[System], name: str) -> list[Mapping[str, Any]]:
    """The intervals of the EER on a set, of those runs that have one."""
    found = [run["test_sets"].get(name, {}) for system in systems for run in system.runs]
    return [results["eer_interval"] for results in found if results.get("eer_interval")]


def _no_error_note(systems: Sequence[System], names: Sequence[str]) -> str:
    """What an interval of 0 to 0 hides; empty where there is no such interval.

    Rule of three: with no error in n independent trials, the 95 % upper bound of the error rate is
    about 3 / n. J. A. Hanley and A. Lippman-Hand, "If nothing goes wrong, is everything all
    right?", JAMA 249 (13), 1983.
    """
    marked = [
        name
        for name in names
        if any(interval_text(system, name).endswith(NO_ERROR) for system in systems)
    ]
    if not marked:
        return ""
    bounds = "; ".join(f"{name}: {_bounds(first_with(systems, name))}" for name in marked)
    return (
        f"{NO_ERROR} A bootstrap sample cannot have an error if the trials have none. With no "
        "error in n independent trials of a class, the 95 % upper bound of that class's error rate "
        f"is about 3/n (rule of three). {bounds}."
    )


def _bounds(results: Mapping[str, Any]) -> str:
    kinds = {"bonafide": "bona fide", "spoof": "spoofed"}
    return ", ".join(
        f"{min(100.0, 300 / results[key]):.2f} % of {results[key]:,} {kind} trials"
        for key, kind in kinds.items()
    )


def _resamples(systems: Sequence[System]) -> str:
    """How the intervals were made, such as `200 bootstrap samples of speakers`."""
    found = dict.fromkeys(
        f"{end['resamples']:,} bootstrap samples of {end['over']}"
        for name in set_names(systems)
        for end in _intervals(systems, name)
    )
    return " or ".join(found) or "not computed"


def _cost_cells(system: System) -> list[str]:
    run = system.runs[0]
    parameters = run["parameters"]
    seconds, memory = system.cost("seconds_per_epoch"), system.cost("peak_memory_mb")
    fewer = f"{parameters['ratio']:,.1f}x" if parameters["ratio"] else "-"
    cost = [decimal(fmean(seconds) if seconds else None, 1), whole(max(memory, default=None))]
    return [whole(parameters["trainable"]), fewer, *cost]


def _eer_cells(values: Sequence[float], with_best: bool) -> list[str]:
    return [mean_text(values), *[decimal(min(values, default=None))] * with_best]


def _caption(systems: Sequence[System]) -> str:
    seen = "and the EER over attacks seen and not seen in training"
    if not has_seeds(systems):
        return f"EER by test set, its 95 % interval ({_resamples(systems)}), {seen}."
    return (
        "EER by system and test set: mean ± sample deviation over the runs (seeds), the best run, "
        f"the range of the runs' 95 % intervals ({_resamples(systems)}; lowest to highest end, "
        f"which is no interval of the mean), {seen}."
    )


def _table(systems: Sequence[System]) -> Table:
    """Systems by test sets: EER with deviation, best, interval; then parameters and cost."""
    names, seeds = rated_sets(systems), has_seeds(systems)
    eer_header = ["EER %", "best"] if seeds else ["EER %"]
    interval_title = "range of 95 % intervals" if seeds else "95 % interval"
    header, groups = ["system", "runs"], [("", 2)]
    rows = [[system.name, str(len(system.runs))] for system in systems]
    if len(names) > 1 and any(system.values(macro_eer(names)) for system in systems):
        header += eer_header
        groups.append((f"mean over {len(names)} sets", len(eer_header)))
        for system, row in zip(systems, rows, strict=True):
            row += _eer_cells(system.values(macro_eer(names)), seeds)
    for name in names:
        columns = [*eer_header, interval_title, "seen", "unseen"]
        header += columns
        groups.append((name, len(columns)))
        for system, row in zip(systems, rows, strict=True):
            row += [*_eer_cells(system.values(eer_of(name)), seeds), interval_text(system, name)]
            row += [mean_text(system.values(eer_of(name, kind))) for kind in ("seen", "unseen")]
    header += ["trainable", "fewer", "s/epoch", "peak MB"]
    groups.append(("cost of training", 4))
    rows = [row + _cost_cells(system) for system, row in zip(systems, rows, strict=True)]
    return Table(_caption(systems), header, rows, groups)


def _cost_plot(systems: Sequence[System]) -> Figure | None:
    """EER against parameters and training time, over the sets that every run has."""
    names = [
        name
        for name in rated_sets(systems)
        if all(name in run["test_sets"] for system in systems for run in system.runs)
    ]
    is_timed = all(system.cost("seconds_per_epoch") for system in systems)
    if len(systems) < 2 or not names or not is_timed:
        return None
    points = {
        system.name: CostPoint(
            system.values(macro_eer(names)),
            system.runs[0]["parameters"]["trainable"],
            fmean(system.cost("seconds_per_epoch")),
        )
        for system in systems
    }
    title = f"EER on {names[0]}" if len(names) == 1 else f"mean EER over {len(names)} sets"
    alt = f"{title} against trainable parameters and seconds an epoch; values in the table"
    caption = "EER against the cost of training."
    if has_seeds(systems):
        caption = (
            "Mean EER over the runs against the cost of training; vertical lines join the best and "
            "the worst run."
        )
    return Figure(cost_svg(points, title), alt, caption, is_wide=True)


def summary_section(systems: Sequence[System]) -> dict[str, Any]:
    """The data of `summary.html.j2`: `table`, `note` and `plot`, None where there is none."""
    return {
        "table": _table(systems),
        "note": _no_error_note(systems, rated_sets(systems)),
        "plot": _cost_plot(systems),
    }
