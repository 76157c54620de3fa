"""The plot of `tests.bench.growth`: a column an axis, seconds (median, min to max) above memory."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fad.evaluation.plots.panels import panels
from fad.evaluation.plots.style import BONAFIDE, settings, write_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AXES = {
    "clip_seconds": "length of one clip (s)",
    "batch": "clips of 4 s in a batch",
    "rank": "rank, one clip of 4 s",
}


def write_plot(growth: dict[str, Any], path: Path) -> None:
    """Writes the PNG.

    Args:
        growth: the points of each of `AXES`, as results.json has them.
        path: of the file.
    """
    with settings():
        figure, grid = panels(["LoRA step from stored frames", *5 * [""]], 3.2, 2.5)
        for column, (axis, name) in enumerate(AXES.items()):
            above, below = grid[column], grid[column + 3]
            values = [point[axis] for point in growth[axis]]
            _draw(above, values, [point["step_seconds"] for point in growth[axis]])
            ends = [[point[end] for point in growth[axis]] for end in ("min", "max")]
            above.vlines(values, *ends, colors=BONAFIDE, linewidth=1)
            above.set_ylim(0, 1.1 * max(ends[1]))
            _draw(below, values, [point["peak_mib"] / 1024 for point in growth[axis]])
            below.set_xlabel(name)
            for axes in (above, below):
                _scale(axes, values, axis)
        grid[0].set_ylabel("seconds a step")
        grid[3].set_ylabel("peak memory (GiB)")
        write_png(figure, path)


def _draw(axes: "Axes", values: list[float], heights: list[float]) -> None:
    """Points joined by lines, over an axis from zero."""
    axes.grid(axis="y")
    axes.plot(values, heights, "o-", color=BONAFIDE, markersize=5, linewidth=1.4)
    axes.set_ylim(0, 1.15 * max(heights))


def _scale(axes: "Axes", values: list[float], axis: str) -> None:
    """From zero, so that a straight line means in proportion; ranks by their powers of two."""
    if axis == "rank":
        axes.set_xscale("log", base=2)
    else:
        axes.set_xlim(left=0)
    axes.set_xticks(values, map(str, values))
