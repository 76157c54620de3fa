"""The page's section of DET curves."""

from collections.abc import Mapping, Sequence

from fad.evaluation.html.breakdown import by_set, set_curves_of
from fad.evaluation.html.elements import Html, element, figure, paragraph, section
from fad.evaluation.plots.det import Det, det_limits, det_svg, is_marked, shown_groups
from fad.evaluation.plots.style import data_uri
from fad.evaluation.results.overview import mean_text
from fad.evaluation.results.systems import System, has_seeds, set_names

Plots = dict[str, dict[str, list[Det]]]
"""Curves of each plot's lines, by their names, by the plot's title."""

NOTE = (
    "Misses against false alarms at every threshold, on normal-deviate axes: lower left is better, "
    "and the mark on the diagonal is the EER; one beyond the axes has no mark. A curve that "
    "meets an edge of the plot has fewer errors beyond it than the axes show."
)


def _plots(systems: Sequence[System], name: str) -> Plots:
    """A plot a group of attacks with a colour a system; of one system alone the groups in one."""
    runs = {system.name: set_curves_of(system, name) for system in systems}
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


def _images(plots: Plots, name: str, limits: tuple[float, float]) -> Html:
    images = []
    for title, curves in plots.items():
        eers = ", ".join(
            f"{line} {mean_text([det['eer_percent'] for det in runs])} %{_no_mark(runs, limits)}"
            for line, runs in curves.items()
            if runs
        )
        alt = f"DET curves on {name}, {title}. EER: {eers}"
        image = det_svg(curves, f"{title} on {name}", limits)
        images.append(figure(data_uri(image), alt, f"EER: {eers}."))
    return element("div", *images, class_="grid") if images else Html("")


def _no_mark(runs: Sequence[Det], limits: tuple[float, float]) -> str:
    """How many EERs have no mark; nothing where all have one."""
    number = sum(not is_marked(det, limits) for det in runs)
    if not number:
        return ""
    return " (no mark)" if number == len(runs) else f" ({number} of {len(runs)} without a mark)"


def _every(plots: Mapping[str, Plots]) -> list[Det]:
    return [
        det
        for by_title in plots.values()
        for curves in by_title.values()
        for runs in curves.values()
        for det in runs
    ]


def det_section(systems: Sequence[System]) -> Html:
    """DET curves of all systems, on the same axes everywhere in the page."""
    names = set_names(systems)
    plots = {name: _plots(systems, name) for name in names}
    every = _every(plots)
    if not every:
        return Html("")
    limits = det_limits(every)
    parts = [_images(plots[name], name, limits) for name in names]
    note = f"{NOTE} A thin line is one training run." if has_seeds(systems) else NOTE
    return section("det", "DET curves", paragraph(note), by_set(names, parts))
