"""Histograms of the scores of both classes and of each attack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fad.evaluation.plots.panels import COLUMNS, panel_size, panels
from fad.evaluation.plots.style import BONAFIDE, INK, SPOOF, label, new_figure, settings, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Scores:
    """The data of a panel of histograms: counts on common edges and the threshold of the EER."""

    histogram: Mapping[str, Any]
    threshold: float


def _draw_shares(axes: "Axes", counts: Sequence[int], edges: np.ndarray, colour: str) -> None:
    """Draws a histogram in percent of its own trials, so that classes of any size compare."""
    shares = 100 * np.array(counts) / max(1, sum(counts))
    axes.stairs(shares, edges, fill=True, color=colour, alpha=0.35, linewidth=0)
    axes.stairs(shares, edges, color=colour, linewidth=1.1)


def histogram_svg(systems: Mapping[str, Scores]) -> bytes:
    """Draws the scores of both classes, with a line at the EER, one panel for each system.

    Args:
        systems: the scores by the system's name; the panels' scales differ.
    """
    with settings():
        figure, grid = panels(list(systems), *panel_size(len(systems)))
        for axes, scores in zip(grid, systems.values(), strict=True):
            edges = np.array(scores.histogram["edges"])
            _draw_shares(axes, scores.histogram["spoof"], edges, SPOOF)
            _draw_shares(axes, scores.histogram["bonafide"], edges, BONAFIDE)
            axes.axvline(scores.threshold, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
            axes.set_ylim(bottom=0)
            axes.grid(axis="y")
        for axes in grid[::COLUMNS]:
            axes.set_ylabel("% of the class")
        figure.supxlabel("score (higher = bona fide)", fontsize=9.5)
        _class_legend(figure)
        return svg(figure)


def _class_legend(figure: "Figure") -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=BONAFIDE, alpha=0.5, label="bona fide"),
        Patch(facecolor=SPOOF, alpha=0.5, label="spoof"),
        Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (3, 2)), label="threshold at EER"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)


def attack_histogram_svg(scores: Scores, order: Sequence[str]) -> bytes:
    """Draws the scores of bona fide speech and of each attack in rows, on one scale.

    Args:
        scores: with counts by attack.
        order: attacks from top to bottom.
    """
    edges = np.array(scores.histogram["edges"])
    rows = [("bona fide", scores.histogram["bonafide"], BONAFIDE)]
    rows += [(name, scores.histogram["attacks"][name], SPOOF) for name in order]
    with settings():
        figure = new_figure(5, 0.9 + 0.34 * len(rows))
        axes = figure.add_subplot()
        for place, (name, counts, colour) in enumerate(reversed(rows)):
            heights = 0.85 * np.array(counts) / max(1, *counts)
            axes.stairs(place + heights, edges, baseline=place, fill=True, color=colour, alpha=0.45)
            axes.stairs(place + heights, edges, baseline=place, color=colour, linewidth=0.8)
            axes.text(-0.015, place + 0.3, label(name, 20), **_left_of(axes))
        axes.axvline(scores.threshold, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
        axes.set(xlim=edges[[0, -1]], ylim=(0, len(rows)), yticks=[])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("score (higher = bona fide); dashed: threshold at EER")
        return svg(figure)


def _left_of(axes: "Axes") -> dict[str, Any]:
    """Options of text that ends left of the axes, at a height in data units."""
    return {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center", "fontsize": 9}
