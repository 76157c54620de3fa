"""The page's plots of score histograms, calibration, and EER against cost, as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from fad.metrics.dcf import ASVSPOOF5
from fad.report.style import (
    BONAFIDE,
    INK,
    MUTED,
    SPOOF,
    Look,
    label,
    new_figure,
    panels,
    settings,
    svg,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL = (2.55, 2.15)  # inches
COLUMNS = 3


@dataclass(frozen=True)
class Scores:
    """What a panel of histograms shows: counts on common edges and the threshold of the EER."""

    histogram: Mapping[str, Any]
    threshold: float


def _draw_shares(axes: "Axes", counts: Sequence[int], edges: np.ndarray, colour: str) -> None:
    """A histogram in percent of its own trials, so that classes of any size can be compared."""
    shares = 100 * np.array(counts) / max(1, sum(counts))
    axes.stairs(shares, edges, fill=True, color=colour, alpha=0.35, linewidth=0)
    axes.stairs(shares, edges, color=colour, linewidth=1.1)


def histogram_svg(systems: Mapping[str, Scores]) -> bytes:
    """Scores of both classes, a panel a system: blue bona fide, orange spoof, line at the EER.

    Args:
        systems: what to show by the system's name; the panels' scales differ.
    """
    with settings():
        figure, grid = panels(len(systems), COLUMNS, *_panel(systems))
        for axes, (name, scores) in zip(grid, systems.items(), strict=True):
            edges = np.array(scores.histogram["edges"])
            _draw_shares(axes, scores.histogram["spoof"], edges, SPOOF)
            _draw_shares(axes, scores.histogram["bonafide"], edges, BONAFIDE)
            axes.axvline(scores.threshold, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
            axes.set_ylim(bottom=0)
            axes.set_title(label(name))
            axes.grid(axis="y")
        for axes in grid[::COLUMNS]:
            axes.set_ylabel("% of the class")
        figure.supxlabel("score (higher = bona fide)", fontsize=9.5)
        _class_legend(figure)
        return svg(figure)


def _panel(systems: Mapping[str, Any]) -> tuple[float, float]:
    """Size of a panel: one alone is larger."""
    return (5.0, 3.0) if len(systems) == 1 else PANEL


def _class_legend(figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=BONAFIDE, alpha=0.5, label="bona fide"),
        Patch(facecolor=SPOOF, alpha=0.5, label="spoof"),
        Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (3, 2)), label="threshold at EER"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)


def attack_histogram_svg(scores: Scores, order: Sequence[str]) -> bytes:
    """Scores of bona fide speech and of each attack, a row each on one scale.

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
    """Text that ends left of the axes, at a height in the data's unit."""
    return {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center", "fontsize": 9}


def calibration_svg(systems: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Bayes error-rate curves, a panel a system: normalised cost over the prior log odds.

    Args:
        systems: `bayes` of `fad.report.curves.set_curves` by the system's name.
    """
    lines = {
        "minimum": ("raw", "minimum", {"color": INK, "linewidth": 1.4}),
        "actual, raw scores": ("raw", "actual", {"color": SPOOF, "linestyle": (0, (1, 1))}),
        "actual, calibrated": (
            "calibrated",
            "actual",
            {"color": BONAFIDE, "linestyle": (0, (4, 1.5))},
        ),
    }
    operating = log(np.divide(*ASVSPOOF5.weights))
    with settings():
        figure, grid = panels(len(systems), COLUMNS, *_panel(systems))
        handles = {}
        for axes, (name, bayes) in zip(grid, systems.items(), strict=True):
            axes.axvline(operating, color=MUTED, linewidth=0.8)
            for text, (kind, curve, look) in lines.items():
                if bayes[kind] is None:
                    continue
                prior = bayes["prior_log_odds"]
                (handles[text],) = axes.plot(prior, bayes[kind][curve], label=text, **look)
            axes.set(xlim=(prior[0], prior[-1]), ylim=(0, 1.3), yticks=[0, 0.5, 1])
            axes.set_title(label(name))
            axes.grid()
        for axes in grid[::COLUMNS]:
            axes.set_ylabel("normalised DCF")
        figure.supxlabel("prior log odds of bona fide", fontsize=9.5)
        figure.legend(handles=list(handles.values()), loc="outside upper left", ncols=3)
        return svg(figure)


@dataclass(frozen=True)
class CostPoint:
    """A system in the plot of EER against cost: EERs of its runs in percent, and what it takes."""

    eers: Sequence[float]
    trainable: float
    seconds_per_epoch: float


def cost_svg(systems: Mapping[str, CostPoint], title: str) -> bytes:
    """Mean EER against trainable parameters and seconds an epoch; lines from best to worst run."""
    with settings():
        figure = new_figure(8.4, max(3.0, 0.6 + 0.26 * len(systems)))
        left, right = figure.subplots(1, 2, sharey=True)
        handles = _scatter(left, systems, [point.trainable for point in systems.values()])
        _scatter(right, systems, [point.seconds_per_epoch for point in systems.values()])
        left.set(xlabel="trainable parameters", ylabel="EER (%)", title=title)
        right.set_xlabel("seconds an epoch of training")
        figure.legend(handles=handles, loc="outside right center")
        return svg(figure)


def _scatter(axes: "Axes", systems: Mapping[str, CostPoint], costs: Sequence[float]) -> list:
    """A marker a system at its mean EER, on a logarithmic axis; returns what a legend shows."""
    from matplotlib.ticker import LogLocator

    costs = np.maximum(costs, 0.01)
    spans_decades = costs.max() > 50 * costs.min()
    top = max(1.0, *(max(point.eers) for point in systems.values()))
    axes.grid()
    handles = []
    for index, (name, point) in enumerate(systems.items()):
        look, mean = Look.of(index), np.mean(point.eers)
        axes.vlines(costs[index], min(point.eers), max(point.eers), look.colour, linewidth=1.4)
        named = {"label": label(name), "markersize": 7, "linestyle": "none"}
        handles += axes.plot(costs[index], mean, look.marker, **named, **look.mark)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if spans_decades else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(lambda value, _: _short(value))
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.set_xlim(costs.min() / 1.6, costs.max() * 1.6)
    axes.set_ylim(-0.05 * top, 1.12 * top)
    return handles


def _short(value: float) -> str:
    """`10k` for 10,000."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"
