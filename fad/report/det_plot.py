"""A DET plot: miss against false alarm rate on probit axes, one curve a group of attacks."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fad.files import atomic_path
from fad.metrics.det import det_curve, probit
from fad.metrics.eer import eer

Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]

TICKS = np.array(
    [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99]
)
COLOURS = ("#0072B2", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "D", "^", "v", "P")


def _limits(curves: Curves, eers: list[float]) -> tuple[float, float]:
    """Ticks at which the axes begin and end: about one trial at the low end, well past the EERs."""
    one_trial = min(1 / max(len(bonafide), len(spoof)) for bonafide, spoof in curves.values())
    low = TICKS[max(one_trial, TICKS[0]) >= TICKS].max()
    high = TICKS[np.minimum(TICKS.searchsorted(max(0.2, 2 * max(eers))), len(TICKS) - 1)]
    return float(low), float(high)


def _dress(axes, title: str, low: float, high: float) -> None:
    """Ticks in percent, grid, diagonal, labels."""
    shown = TICKS[(low <= TICKS) & (high >= TICKS)]
    names = [f"{100 * tick:g}" for tick in shown]
    axes.set_xticks(probit(shown), names)
    axes.set_yticks(probit(shown), names)
    ends = probit([low, high])
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.plot(ends, ends, color="#999999", linewidth=0.8, zorder=1)
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=3, labelsize=9)
    axes.set_xlabel("false alarm rate: spoofs accepted (%)")
    axes.set_ylabel("miss rate: bona fide rejected (%)")
    axes.set_title(title, fontsize=11, loc="left")


def draw_det(path: str | Path, curves: Curves, title: str) -> None:
    """Writes a PNG with a DET curve for each pair of classes, its EER marked on the diagonal.

    Rates below the axes are drawn on their edge: a perfect detector is a point in the corner.

    Args:
        path: the PNG, replaced atomically; the same scores give the same bytes.
        curves: bona fide scores (N_b,) and spoof scores (N_s,) by name, six at most.
        title: of the plot.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    eers = [eer(*scores)[0] for scores in curves.values()]
    low, high = _limits(curves, eers)
    figure = Figure(figsize=(6, 6), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    _dress(axes, title, low, high)
    looks = zip(COLOURS, MARKERS, strict=True)
    for (name, scores), rate, (colour, marker) in zip(curves.items(), eers, looks, strict=False):
        false_alarm, miss = det_curve(*scores)
        axes.plot(probit(false_alarm, low), probit(miss, low), color=colour, linewidth=1.5)
        mark = float(probit(rate, low))
        axes.plot(mark, mark, marker, color=colour, markersize=7, clip_on=False, zorder=4)
        label = f"{name}: EER {100 * rate:.2f} %"
        axes.plot([], [], marker=marker, color=colour, linewidth=1.5, label=label)
    axes.legend(loc="upper right", frameon=True, framealpha=0.95, edgecolor="#DDDDDD", fontsize=9)
    with atomic_path(path) as part:
        FigureCanvasAgg(figure).print_png(str(part), metadata={"Software": None})
