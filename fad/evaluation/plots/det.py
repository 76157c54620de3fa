"""DET plots: miss against false alarm rate on probit axes, one colour for each system or group."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fad.evaluation.metrics.det import probit
from fad.evaluation.plots.style import (
    LEGEND_SIZE,
    TITLE_SIZE,
    Look,
    new_figure,
    settings,
    svg,
    write_png,
)
from fad.evaluation.plots.wrapping import LINE, more_lines, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Det = Mapping[str, Any]
"""A curve of `fad.evaluation.results.curves.set_curves`: counts and errors of both classes."""

_WIDTH, _LEFT, _SIDE = 4.0, 0.65, 3.15  # inches of the figure, left of the axes, of the axes
TICKS = np.array(
    [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99]
)


def det_limits(curves: Iterable[Det]) -> tuple[float, float]:
    """The rates at both ends of the axes: about one trial at the low end, well over the EERs."""
    curves = list(curves)
    one_trial = min(1 / max(det["bonafide"], det["spoof"]) for det in curves)
    worst = max(det["eer_percent"] for det in curves) / 100
    low = TICKS[max(one_trial, TICKS[0]) >= TICKS].max()
    high = TICKS[np.minimum(TICKS.searchsorted(max(0.2, 2 * worst)), len(TICKS) - 1)]
    return float(low), float(high)


def _tick_names(ticks: np.ndarray) -> list[str]:
    """The ticks in percent; empty if a name would touch the one before."""
    places = probit(ticks)
    names, last = [], -np.inf
    for tick, place in zip(ticks, places, strict=True):
        is_clear = place - last >= 0.07 * (places[-1] - places[0])
        names.append(f"{100 * tick:g}" if is_clear else "")
        last = place if is_clear else last
    return names


def _dress(axes: "Axes", low: float, high: float) -> None:
    """Sets ticks in percent, grid, diagonal and labels."""
    shown = TICKS[(low <= TICKS) & (high >= TICKS)]
    names = _tick_names(shown)
    axes.set_xticks(probit(shown), names)
    axes.set_yticks(probit(shown), names)
    ends = probit([low, high])
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.plot(ends, ends, color="#999999", linewidth=0.8, zorder=1)
    axes.grid()
    axes.tick_params(length=3)
    axes.set_xlabel("false alarm rate: spoofs accepted (%)")
    axes.set_ylabel("miss rate: bona fide rejected (%)")


def is_marked(det: Det, limits: tuple[float, float]) -> bool:
    """Whether the EER lies within the axes, so that it has a mark."""
    return limits[0] <= det["eer_percent"] / 100 <= limits[1]


def _draw_run(
    axes: "Axes", det: Det, limits: tuple[float, float], look: Look, width: float
) -> None:
    """Draws one curve, with a mark on the diagonal at its EER if that lies within the axes."""
    low = limits[0]
    false_alarm = np.array(det["false_alarms"]) / det["spoof"]
    miss = np.array(det["misses"]) / det["bonafide"]
    axes.plot(
        probit(false_alarm, low),
        probit(miss, low),
        color=look.colour,
        linestyle=look.line,
        linewidth=width,
    )
    if not is_marked(det, limits):
        return
    mark = float(probit(det["eer_percent"] / 100, low))
    axes.plot(
        mark,
        mark,
        look.marker,
        markersize=6,
        markeredgewidth=0.8,
        **look.mark,
        clip_on=False,
        zorder=4,
    )


def _legend(name: str, runs: Sequence[Det], limits: tuple[float, float]) -> str:
    """A system's name, its mean EER, and where its mark is not."""
    mean = np.mean([det["eer_percent"] for det in runs])
    if len(runs) > 1:
        return f"{name}: EER {mean:.2f} %, mean of {len(runs)}"
    off = "" if is_marked(runs[0], limits) else ", off the axes"
    return f"{name}: EER {mean:.2f} %{off}"


def _square(title: str, legend: Sequence[str]) -> tuple["Figure", "Axes"]:
    """A figure with square axes, and room for the title's and the legend's lines.

    matplotlib's own layout measures titles beside axes that then shrink to a square.
    """
    more = sum(text.count("\n") for text in legend)
    below = 0.65 + 0.2 * len(legend) + LINE[LEGEND_SIZE] * more
    above = 0.3 + more_lines([title], TITLE_SIZE)
    height = below + _SIDE + above
    figure = new_figure(_WIDTH, height, layout=None)
    place = (_LEFT / _WIDTH, below / height, _SIDE / _WIDTH, _SIDE / height)
    axes = figure.add_axes(place)
    axes.set_title(title)
    return figure, axes


def _det_figure(
    systems: Mapping[str, Sequence[Det]], title: str, limits: tuple[float, float]
) -> "Figure":
    """Must be called within `settings`."""
    title = wrapped(title, _SIDE, TITLE_SIZE)
    texts = {
        name: wrapped(_legend(name, runs, limits), _WIDTH - 0.6, LEGEND_SIZE)
        for name, runs in systems.items()
        if runs
    }
    figure, axes = _square(title, list(texts.values()))
    _dress(axes, *limits)
    handles = []
    for index, (name, runs) in enumerate(systems.items()):
        if not runs:
            continue
        look = Look.of(index)
        for det in runs:
            _draw_run(axes, det, limits, look, 1.6 if len(runs) == 1 else 0.9)
        line: dict[str, Any] = {"color": look.colour, "linestyle": look.line, "linewidth": 1.6}
        marker: dict[str, Any] = {"marker": look.marker, "markersize": 6}
        marker |= look.mark | {"markeredgecolor": look.colour}
        if not any(is_marked(det, limits) for det in runs):
            marker = {}
        handles += axes.plot([], [], label=texts[name], **line, **marker)
    figure.legend(handles=handles, loc="lower left", borderaxespad=0.6)
    return figure


def det_svg(systems: Mapping[str, Sequence[Det]], title: str, limits: tuple[float, float]) -> bytes:
    """Draws an SVG with a colour for each system, a line for each run, and the EERs as marks.

    Rates beyond the axes are drawn on the edge: a perfect detector is a point in the corner. An EER
    beyond the axes has no mark.

    Args:
        systems: the curves of each system's runs by its name, in the order of their colours; a
            system without runs keeps its colour and is not shown.
        title: of the plot.
        limits: the rates at the ends of both axes, of `det_limits`.
    """
    with settings():
        return svg(_det_figure(systems, title, limits))


def shown_groups(det: Mapping[str, Det]) -> list[str]:
    """`all`, and also `seen` and `unseen` if both occur: only one of them would be all attacks."""
    return list(det) if len(det) > 2 else ["all"]


def draw_det(path: str | Path, det: Mapping[str, Det], title: str) -> None:
    """Writes a PNG of one set's curves; the same curves give the same bytes.

    Args:
        path: the PNG, replaced atomically.
        det: curves by group of attacks, as `set_curves` returns them.
        title: of the plot.
    """
    lines = {f"{group} attacks": [det[group]] for group in shown_groups(det)}
    with settings():
        write_png(_det_figure(lines, title, det_limits(det.values())), path)
