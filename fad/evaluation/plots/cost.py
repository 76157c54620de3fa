"""EER against the cost of training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fad.evaluation.plots.style import LEGEND_SIZE, Look, new_figure, settings, svg
from fad.evaluation.plots.wrapping import LINE, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_LEGEND = 2.2  # inches of a line of the legend


@dataclass(frozen=True)
class CostPoint:
    """A system in the plot of EER against cost: EERs of its runs in percent, and its costs."""

    eers: Sequence[float]
    trainable: float
    seconds_per_epoch: float


def cost_svg(systems: Mapping[str, CostPoint], title: str) -> bytes:
    """Draws mean EER, and the range of the runs, against parameters and seconds an epoch."""
    with settings():
        names = {name: wrapped(name, _LEGEND, LEGEND_SIZE) for name in systems}
        lines = sum(name.count("\n") for name in names.values())
        figure = new_figure(8.4, max(3.0, 0.6 + 0.26 * len(systems) + LINE[LEGEND_SIZE] * lines))
        left, right = figure.subplots(1, 2, sharey=True)
        handles = _scatter(left, systems, names, [point.trainable for point in systems.values()])
        _scatter(right, systems, names, [point.seconds_per_epoch for point in systems.values()])
        left.set(xlabel="trainable parameters", ylabel="EER (%)", title=title)
        right.set_xlabel("seconds an epoch of training")
        figure.legend(handles=handles, loc="outside right center")
        return svg(figure)


def _scatter(
    axes: "Axes",
    systems: Mapping[str, CostPoint],
    names: Mapping[str, str],
    costs: Sequence[float],
) -> list["Line2D"]:
    """Draws each system at its mean EER, on a logarithmic axis; returns the legend's handles."""
    places = np.maximum(costs, 0.01)
    top = max(1.0, *(max(point.eers) for point in systems.values()))
    axes.grid()
    handles = []
    for index, (name, point) in enumerate(systems.items()):
        look, mean = Look.of(index), np.mean(point.eers)
        axes.vlines(places[index], min(point.eers), max(point.eers), look.colour, linewidth=1.4)
        named: dict[str, Any] = {"label": names[name], "markersize": 7, "linestyle": "none"}
        handles += axes.plot(places[index], mean, look.marker, **named, **look.mark)
    set_cost_axis(axes, places.min(), places.max(), 1.6)
    axes.set_ylim(-0.05 * top, 1.12 * top)
    return handles


def set_cost_axis(axes: "Axes", lowest: float, highest: float, room: float) -> None:
    """Sets a logarithmic x axis from the lowest cost to the highest, wider by a factor `room`.

    Labels are at powers of ten; if there are few of these, also at 2 and 5 times them.
    """
    from matplotlib.ticker import LogLocator

    axes.set_xscale("log")
    subs = (1.0,) if highest > 50 * lowest else (1.0, 2.0, 5.0)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(lambda value, _: _short(value))
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.set_xlim(lowest / room, highest * room)


def _short(value: float) -> str:
    """`10k` for 10,000."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"
