"""The section of DET curves."""

from collections.abc import Mapping, Sequence
from typing import Any

from fad.evaluation.html.parts import Figure, by_set
from fad.evaluation.html.scores import curves_of_set
from fad.evaluation.plots.det import Det, det_limits, det_svg, is_marked, shown_groups
from fad.evaluation.results.overview import mean_text
from fad.evaluation.results.systems import System, has_seeds, set_names

Plots = dict[str, dict[str, list[Det]]]
"""The curves of each line, by the line's name, by the plot's title."""


def _plots(systems: Sequence[System], name: str) -> Plots:
    """Several systems: a plot for each group of attacks. One system: all groups in one plot."""
    runs = {system.name: curves_of_set(system, name) for system in systems}
    groups = list(
        dict.fromkeys(
            group for found in runs.values() for run in found for group in shown_groups(run["det"])
        )
    )

    def curves(system: str, group: str) -> list[Det]:
        return [run["det"][group] for run in runs[system] if group in run["det"]]

    if len(systems) == 1 and groups:
        [only] = runs
        return {only: {f"{group} attacks": curves(only, group) for group in groups}}
    return {
        f"{group} attacks": {system: curves(system, group) for system in runs} for group in groups
    }


def _figure(
    title: str, curves: Mapping[str, Sequence[Det]], name: str, limits: tuple[float, float]
) -> Figure:
    eers = ", ".join(
        f"{line} {mean_text([det['eer_percent'] for det in runs])} %{_no_mark(runs, limits)}"
        for line, runs in curves.items()
        if runs
    )
    alt = f"DET curves on {name}, {title}. EER: {eers}"
    return Figure(det_svg(curves, f"{title} on {name}", limits), alt, f"EER: {eers}.")


def _no_mark(runs: Sequence[Det], limits: tuple[float, float]) -> str:
    """How many EERs have no mark; empty if all have one."""
    number = sum(not is_marked(det, limits) for det in runs)
    if not number:
        return ""
    return " (no mark)" if number == len(runs) else f" ({number} of {len(runs)} without a mark)"


def _all_curves(plots: Mapping[str, Plots]) -> list[Det]:
    return [
        det
        for by_title in plots.values()
        for curves in by_title.values()
        for runs in curves.values()
        for det in runs
    ]


def det_section(systems: Sequence[System]) -> dict[str, Any] | None:
    """The data of `det.html.j2`: figures by set, all on the same axes, and `has_seeds`."""
    names = set_names(systems)
    plots = {name: _plots(systems, name) for name in names}
    curves = _all_curves(plots)
    if not curves:
        return None
    limits = det_limits(curves)
    figures = [
        [_figure(title, lines, name, limits) for title, lines in plots[name].items()]
        for name in names
    ]
    return {"sets": by_set(names, figures), "has_seeds": has_seeds(systems)}
