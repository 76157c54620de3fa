"""The section of detection costs, decisions and calibration."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fad.evaluation.html.introduction import first_with
from fad.evaluation.html.parts import Figure, Table, by_set
from fad.evaluation.html.scores import curves_of_set, which_run
from fad.evaluation.plots.calibration import calibration_svg
from fad.evaluation.results.overview import mean_text
from fad.evaluation.results.systems import Experiment, System, has_seeds, set_names
from fad.evaluation.results.tables import COSTS, asv_sentence

CALIBRATED = {"act_dcf": "actDCF, calibrated", "cllr_bits": "Cllr (bits), calibrated"}
DECISIONS = {
    "accuracy": "accuracy %",
    "balanced_accuracy": "balanced accuracy %",
    "f1": "F1 of spoofs %",
    "p_miss": "miss rate %",
    "p_fa": "false alarm rate %",
}

Getter = Callable[[Experiment], float | None]
"""Finds a value in a run's results."""
Cell = Callable[[System], str]
"""Writes a value of a system in a table."""


def _getters(name: str, part: str, titles: Mapping[str, str]) -> dict[str, Getter]:
    """Getters of the values of a set's results, or of a `part` of these, by the values' titles."""

    def getter(key: str) -> Getter:
        def get(run: Experiment) -> float | None:
            found = run["test_sets"].get(name, {})
            for step in part.split():
                found = found.get(step) or {}
            return found.get(key)

        return get

    return {title.removesuffix(" *"): getter(key) for key, title in titles.items()}


def _value_table(
    systems: Sequence[System], caption: str, cells: Mapping[str, Cell]
) -> Table | None:
    """A row for each system, a column for each value that some run has; None without any value."""
    columns = {title: [cell(system) for system in systems] for title, cell in cells.items()}
    columns = {title: texts for title, texts in columns.items() if set(texts) != {"-"}}
    rows = [
        [system.name, *values]
        for system, *values in zip(systems, *columns.values(), strict=True)
        if set(values) - {"-"}
    ]
    return Table(caption, ["system", *columns], rows) if rows else None


def _decision_cells(name: str, part: str) -> dict[str, Cell]:
    """Threshold, and rates in percent; a threshold that all runs share has no deviation."""

    def threshold(system: System) -> str:
        values = system.values(at["threshold"])
        return mean_text(values[:1] if len(set(values)) == 1 else values, 4)

    def percent(get: Getter) -> Cell:
        return lambda system: mean_text([100 * value for value in system.values(get)])

    at = _getters(name, part, {"threshold": "threshold"})
    rates = _getters(name, part, DECISIONS)
    return {"threshold": threshold} | {title: percent(get) for title, get in rates.items()}


def _tables(systems: Sequence[System], name: str) -> list[Table]:
    """Costs before and after calibration, and decisions at a threshold where there is one."""
    getters = _getters(name, "", COSTS) | _getters(name, "calibrated", CALIBRATED)
    costs = {
        title: lambda system, get=get: mean_text(system.values(get), 4)
        for title, get in getters.items()
    }
    mean = "; mean ± deviation over the runs" if has_seeds(systems) else ""
    about_costs = (
        f"Costs on {name}, over all attacks{mean}. minDCF and actDCF: "
        "P_spoof 0.05, C_miss 1, C_fa 10. actDCF and Cllr read the scores as log-likelihood "
        "ratios: see the calibration."
    )
    about_raw = f"Decisions on {name} with raw scores, at a threshold chosen on other data."
    about_calibrated = (
        f"Decisions on {name} with calibrated scores, at the Bayes threshold of P_spoof 0.05, "
        "C_miss 1, C_fa 10."
    )
    tables = [
        _value_table(systems, about_costs, costs),
        _value_table(systems, about_raw, _decision_cells(name, "decisions")),
        _value_table(systems, about_calibrated, _decision_cells(name, "calibrated decisions")),
    ]
    return [table for table in tables if table]


def _calibration_figure(systems: Sequence[System], name: str) -> Figure | None:
    """Bayes error-rate curves of each system's first run that has them."""
    found = {system.name: curves_of_set(system, name) for system in systems}
    bayes = {system: curves[0]["bayes"] for system, curves in found.items() if curves}
    if not bayes:
        return None
    alt = f"Actual and minimum normalised DCF on {name} over the prior log odds of bona fide"
    caption = (
        f"Calibration on {name}: the cost of deciding at the Bayes threshold for a prior (actual) "
        "against the best possible threshold (minimum); the closer, the better the scores are as "
        "log-likelihood ratios. A cost over 1 is worse than ignoring the scores; curves are cut at "
        f"1.3. The vertical line is ASVspoof 5's prior and costs.{which_run(systems)}"
    )
    return Figure(calibration_svg(bayes), alt, caption, is_wide=len(bayes) > 1)


def _set_part(systems: Sequence[System], name: str) -> dict[str, Any] | None:
    part = {
        "tables": _tables(systems, name),
        "asv": asv_sentence(first_with(systems, name)),
        "figure": _calibration_figure(systems, name),
    }
    return part if any(part.values()) else None


def costs_section(systems: Sequence[System]) -> dict[str, Any] | None:
    """The data of `costs.html.j2`: `tables`, `asv` and `figure` by set."""
    names = set_names(systems)
    sets = by_set(names, [_set_part(systems, name) for name in names])
    return {"sets": sets} if sets else None
