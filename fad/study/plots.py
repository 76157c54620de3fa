"""A study's plots: EER along an axis, and EER against the cost of training."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fad.evaluation.plots.cost import set_cost_axis
from fad.evaluation.plots.labels import Label, place_labels, spread_apart
from fad.evaluation.plots.style import MUTED, Look, label, new_figure, settings, write_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROOM = 1.15  # times the highest value, so that nothing touches the top
_GAP = 11  # points between two names at the right edge
MOST_NAMED = 14  # systems whose names fit beside their points; with more, one name a method


@dataclass(frozen=True)
class Point:
    """A system in a plot.

    Attributes:
        x: its place on the horizontal axis.
        mean: the mean EER in percent.
        interval: low and high in percent, if known.
        values: the EER of each run in percent.
    """

    x: float
    mean: float
    interval: tuple[float, float] | None
    values: Sequence[float]

    @property
    def highest(self) -> float:
        """The highest value that is drawn for it."""
        return max([self.mean, *self.values, *(self.interval or ())])


@dataclass(frozen=True)
class Costed:
    """A system in the plot of cost.

    Attributes:
        family: the name of the systems that one line joins.
        name: its own name in the family; empty if it is the only one.
        trainable: the number of trainable parameters.
        seconds_per_step: None if unknown.
        point: its EERs; x is ignored.
    """

    family: str
    name: str
    trainable: float
    seconds_per_step: float | None
    point: Point


def curve_png(
    path: Path,
    curves: Mapping[str, Sequence[Point]],
    levels: Mapping[str, float],
    title: str,
    xlabel: str,
    name_x: Callable[[float], str],
) -> None:
    """Draws lines through mean EERs, a dash for each run, and intervals.

    Args:
        path: the file to write.
        curves: points by rising x, over 0, by name.
        levels: mean EERs of systems that do not vary along the axis, by name; dashed lines.
        title: the title of the plot.
        xlabel: the label of the x axis, which is logarithmic.
        name_x: formats a value of x.
    """
    with settings():
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        figure = new_figure(6.4, 3.6)
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        places = sorted({point.x for points in curves.values() for point in points})
        ends = []
        for index, (name, points) in enumerate(curves.items()):
            look = Look.of(index)
            _draw_curve(axes, points, look, _shift(index, len(curves), places[-1] / places[0]))
            ends.append((label(name, 30), points[-1].mean, look.colour))
        for name, mean in levels.items():
            axes.axhline(mean, color=MUTED, linewidth=1.1, linestyle=(0, (4, 2)))
            ends.append((label(name, 30), mean, MUTED))
        drawn = [point.highest for points in curves.values() for point in points]
        _set_eers(axes, max([1.0, *drawn, *levels.values()]))
        axes.set_xscale("log")
        axes.set_xlim(places[0] / 1.15, places[-1] * 1.15)
        axes.set_xticks(places, [name_x(x) for x in places])
        axes.set_xticks([], minor=True)
        axes.set(xlabel=xlabel, ylabel="EER (%)", title=title)
        _name_ends(axes, ends)
        write_png(figure, path)


def _shift(index: int, count: int, span: float) -> float:
    """A factor on x that separates the intervals of several curves, on an axis with this span."""
    return span ** (0.008 * (index - (count - 1) / 2))


def _draw_curve(axes: "Axes", points: Sequence[Point], look: Look, shift: float) -> None:
    x = [point.x * shift for point in points]
    axes.plot(x, [p.mean for p in points], linestyle=look.line, color=look.colour, linewidth=1.6)
    for at, point in zip(x, points, strict=True):
        _draw_point(axes, at, point, look)
        if len(point.values) > 1:
            dashes: dict[str, Any] = {"linestyle": "none", "marker": "_", "markersize": 7}
            at_all = [at] * len(point.values)
            axes.plot(at_all, point.values, color=look.colour, alpha=0.7, **dashes)


def _draw_point(axes: "Axes", x: float, point: Point, look: Look) -> None:
    """A marker at the mean, over its interval."""
    if point.interval:
        axes.vlines(x, *point.interval, look.colour, linewidth=1.0, alpha=0.6)
    axes.plot(x, point.mean, look.marker, markersize=6.5, linestyle="none", **look.mark)


def _set_eers(axes: "Axes", highest: float) -> None:
    """Starts the y axis a little below 0, so that a marker at 0 is fully visible."""
    axes.set_ylim(-0.04 * highest, _ROOM * highest)
    axes.grid(axis="y")


def _name_ends(axes: "Axes", ends: Sequence[tuple[str, float, str]]) -> None:
    """Writes the names at the right of the panel, each as near to its line as possible."""
    low, high = axes.get_ylim()
    gap = _GAP / 72 / (cast("Figure", axes.figure).get_figheight() * 0.75) * (high - low)
    heights = spread_apart([height for _, height, _ in ends], gap)
    for (name, height, colour), y in zip(ends, heights, strict=True):
        axes.annotate(
            name,
            (1.0, height),
            xytext=(1.05, y),
            xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"),
            va="center",
            color=colour,
            fontsize=9,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "shrinkB": 0},
        )


def cost_png(path: Path, systems: Sequence[Costed], title: str) -> None:
    """Draws EER against trainable parameters and, if known, seconds a step, with names at points.

    A line joins the points of a family. With more than `MOST_NAMED` systems each family is named
    only once.
    """
    with settings():
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        figure = new_figure(9.6, 4.2)
        FigureCanvasAgg(figure)
        panels = {"trainable parameters": [(each, each.trainable) for each in systems]}
        timed = [(each, each.seconds_per_step) for each in systems if each.seconds_per_step]
        panels |= {"seconds a step of training": timed} if timed else {}
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        families = dict.fromkeys(system.family for system in systems)
        looks = {family: Look.of(index) for index, family in enumerate(families)}
        for axes, (xlabel, costs) in zip(grid, panels.items(), strict=True):
            _draw_costs(axes, costs, looks)
            axes.set_xlabel(xlabel)
        grid[0].set(ylabel="EER (%)", title=title)
        _set_eers(grid[0], max(1.0, *(system.point.highest for system in systems)))
        figure.draw_without_rendering()  # the layout, which tells where there is room
        for axes, costs in zip(grid, panels.values(), strict=True):
            _name_points(axes, costs, looks)
        write_png(figure, path)


Costs = Sequence[tuple[Costed, float]]
"""Systems, each with its cost, over 0."""


def _draw_costs(axes: "Axes", costs: Costs, looks: Mapping[str, Look]) -> None:
    for family, look in looks.items():
        points = _in_order(family, costs)
        x, means = [cost for cost, _ in points], [point.mean for _, point in points]
        axes.plot(x, means, color=look.colour, linewidth=0.8, alpha=0.5)
        for cost, point in points:
            _draw_point(axes, cost, point, look)
    values = [cost for _, cost in costs]
    # Names need room at the right: the more decades, the more room.
    room = max(1.6, (max(values) / min(values)) ** 0.1)
    set_cost_axis(axes, min(values), max(values), room)
    axes.grid()


def _name_points(axes: "Axes", costs: Costs, looks: Mapping[str, Look]) -> None:
    """Writes a family's name at its first point; other points have only their own names."""
    labels = []
    known: set[str] = set()
    for system, cost in sorted(costs, key=lambda each: each[1]):
        names = [] if system.family in known else [system.family]
        names += [system.name] if len(costs) <= MOST_NAMED else []
        known.add(system.family)
        if text := ", ".join(filter(None, names)):
            colour = looks[system.family].colour
            labels.append(Label(label(text, 40), cost, system.point.mean, colour))
    markers = [(cost, system.point.mean) for system, cost in costs]
    lines = [
        (cost, system.point.interval[0], cost, system.point.interval[1])
        for system, cost in costs
        if system.point.interval
    ]
    joined = [_in_order(family, costs) for family in looks]
    lines += [
        (one, a.mean, other, b.mean)
        for points in joined
        for (one, a), (other, b) in itertools.pairwise(points)
    ]
    place_labels(axes, labels, markers, lines)


def _in_order(family: str, costs: Costs) -> list[tuple[float, Point]]:
    """The costs and points of a family, by rising cost."""
    own = [(cost, system.point) for system, cost in costs if system.family == family]
    return sorted(own, key=lambda each: each[0])
