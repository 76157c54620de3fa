"""The section of score histograms."""

from collections.abc import Sequence
from typing import Any

from fad.evaluation.html.parts import Figure, by_set
from fad.evaluation.plots.histograms import Scores, attack_histogram_svg, histogram_svg
from fad.evaluation.results.systems import System, has_seeds, set_names


def curves_of_set(system: System, name: str) -> list[dict[str, Any]]:
    """The curves on a set, of those runs that have them."""
    found = [(run.get("curves") or {}).get(name) for run in system.runs]
    return [curves for curves in found if curves]


def which_run(systems: Sequence[System]) -> str:
    """What a caption adds to a plot of one run of each system, where tables show several runs."""
    if not has_seeds(systems):
        return ""
    return " This plot shows only each system's first run; the tables show means over the runs."


def _first_scores(systems: Sequence[System], name: str) -> dict[str, Scores]:
    """Histogram and threshold of each system's first run that has curves."""
    found: dict[str, Scores] = {}
    for system in systems:
        for run in system.runs:
            curves = (run.get("curves") or {}).get(name)
            if curves:
                threshold = run["test_sets"][name]["eer_threshold"]
                found.setdefault(system.name, Scores(curves["histogram"], threshold))
    return found


def _figures(systems: Sequence[System], name: str) -> list[Figure]:
    """Histograms of both classes; if there is only one system, also of each attack."""
    found = _first_scores(systems, name)
    if not found:
        return []
    alt = f"Histograms of the scores of bona fide and spoofed trials on {name}"
    caption = (
        f"Scores on {name}, in percent of each class. The outermost bins also hold the scores "
        f"beyond them.{which_run(systems)}"
    )
    figures = [Figure(histogram_svg(found), alt, caption, is_wide=len(found) > 1)]
    [scores, *others] = found.values()
    attacks = list(scores.histogram["attacks"])
    if not others and len(attacks) > 1:
        alt = f"Scores of bona fide speech and of each attack on {name}"
        caption = f"Scores on {name} by attack, each row to its own height.{which_run(systems)}"
        figures.append(Figure(attack_histogram_svg(scores, attacks), alt, caption))
    return figures


def scores_section(systems: Sequence[System]) -> dict[str, Any] | None:
    """The data of `scores.html.j2`: figures by set."""
    names = set_names(systems)
    sets = by_set(names, [_figures(systems, name) for name in names])
    return {"sets": sets} if sets else None
