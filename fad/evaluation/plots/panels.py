"""Figures of panels, one for each system, with its whole name as the title."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fad.evaluation.plots.style import TITLE_SIZE, new_figure
from fad.evaluation.plots.wrapping import more_lines, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
PANEL = (2.55, 2.15)  # inches
_GAP = 0.3  # inches between the titles of neighbours


def panel_size(count: int) -> tuple[float, float]:
    """Width and height of a panel in inches: a single one is larger."""
    return (5.0, 3.0) if count == 1 else PANEL


def panels(
    names: Sequence[str], width: float, height: float, left: float = 0.65
) -> tuple["Figure", list["Axes"]]:
    """A figure with a panel for each name, at most `COLUMNS` in a row; call it within `settings`.

    Args:
        names: the titles.
        width: of a panel, in inches.
        height: of a panel with a title of one line, in inches; longer titles add to it.
        left: inches that the labels left of the first column take.
    """
    columns = min(len(names), COLUMNS)
    rows = -(-len(names) // columns)
    room = (columns * width - left) / columns - _GAP
    titles = [wrapped(name, room, TITLE_SIZE) for name in names]
    figure = new_figure(columns * width, rows * (height + more_lines(titles, TITLE_SIZE)))
    grid = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes in grid[len(names) :]:
        axes.remove()
    for axes, title in zip(grid, titles, strict=False):
        axes.set_title(title)
    return figure, grid[: len(names)]
