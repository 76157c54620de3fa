"""Names written beside their points, without overlaps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg

Box = tuple[float, float, float, float]
"""Left, bottom, right and top in pixels."""

_LETTERS = 8.5  # points
_MARK = 4  # half of a marker
_STEP = 6  # pixels between the boxes that stand for a line
_NEAR, _FAR = 7, 20  # points between a name and its point
# Beside the point, above and below it, then further away with a line to it.
_PLACES = [
    (right * distance, up * distance)
    for distance in (_NEAR, _FAR, 2 * _FAR, 3 * _FAR, 4 * _FAR)
    for right, up in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
]


@dataclass(frozen=True)
class Label:
    """A name, its point in data units, and its colour."""

    text: str
    x: float
    y: float
    colour: str


def place_labels(
    axes: "Axes",
    labels: Sequence[Label],
    markers: Sequence[tuple[float, float]],
    lines: Sequence[tuple[float, float, float, float]],
) -> list[Box]:
    """Writes each label beside its point, where it covers no marker, line or other label.

    If there is no such place, it takes the one with the least overlap.

    Args:
        axes: a panel with its limits and layout set, of a figure with an Agg canvas.
        labels: the labels, in the order of writing.
        markers: x and y of all markers drawn, in data units.
        lines: x and y of both ends of all lines drawn, in data units.

    Returns:
        The box of each label.
    """
    pixels = axes.figure.dpi / 72
    inside = axes.get_window_extent().extents
    half = _MARK * pixels
    places = [tuple(place) for place in axes.transData.transform(markers)]
    marked = {(x, y): (x - half, y - half, x + half, y + half) for x, y in places}
    taken = list(marked.values())
    for line in lines:
        taken += _along(*axes.transData.transform([line[:2], line[2:]]).tolist())
    written: list[Box] = []
    for label in labels:
        middle = tuple(axes.transData.transform((label.x, label.y)))
        size = _size(axes, label.text)
        boxes = [_beside(middle, offset, size, pixels) for offset in _PLACES]
        others = written + [box for place, box in marked.items() if place != middle]
        badness = [_badness(box, taken, inside) + _crossed(middle, box, others) for box in boxes]
        best = badness.index(min(badness))
        _write(axes, label, _PLACES[best])
        taken += [boxes[best], *_line(middle, boxes[best])]
        written.append(boxes[best])
    return written


def _size(axes: "Axes", name: str) -> tuple[float, float]:
    """Width and height of a name, in pixels."""
    text = axes.text(0, 0, name, fontsize=_LETTERS)
    canvas = cast("FigureCanvasAgg", axes.figure.canvas)
    box = text.get_window_extent(canvas.get_renderer())
    text.remove()
    return box.width, box.height


def _beside(
    middle: tuple[float, float],
    offset: tuple[float, float],
    size: tuple[float, float],
    pixels: float,
) -> Box:
    """The box of a name that is moved from the middle by an offset, in points right and up."""
    ends = []
    for at, away, length in zip(middle, offset, size, strict=True):
        start = at + away * pixels - {1: 0.0, -1: 1.0, 0: 0.5}[_sign(away)] * length
        ends.append((start, start + length))
    (left, right), (bottom, top) = ends
    return left, bottom, right, top


def _write(axes: "Axes", label: Label, offset: tuple[float, float]) -> None:
    line = {"arrowstyle": "-", "color": label.colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 4}
    text = axes.annotate(
        label.text,
        (label.x, label.y),
        xytext=offset,
        textcoords="offset points",
        ha={1: "left", -1: "right", 0: "center"}[_sign(offset[0])],
        va={1: "bottom", -1: "top", 0: "center"}[_sign(offset[1])],
        color=label.colour,
        fontsize=_LETTERS,
        arrowprops=line if max(map(abs, offset)) > _NEAR else None,
    )
    text.set_in_layout(False)  # the layout is done; it would be done again around the text


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _badness(box: Box, taken: Sequence[Box], inside: Box) -> float:
    """The area over other boxes or outside the panel, in square pixels."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return sum(shared_area(box, other) for other in taken) + area - shared_area(box, inside)


def _crossed(middle: Sequence[float], box: Box, others: Sequence[Box]) -> float:
    """The area of other labels and markers under the line from a point to its label."""
    return sum(shared_area(dot, other) for dot in _line(middle, box) for other in others)


def _line(middle: Sequence[float], box: Box) -> list[Box]:
    """The line from a point to its label, as small boxes."""
    return _along(middle, ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))


def _along(start: Sequence[float], end: Sequence[float]) -> list[Box]:
    """Small boxes along a line, in pixels."""
    count = 1 + int(math.dist(start, end) / _STEP)
    shares = [step / count for step in range(count)]
    dots = [[a + share * (b - a) for a, b in zip(start, end, strict=True)] for share in shares]
    return [(x - 2, y - 2, x + 2, y + 2) for x, y in dots]


def shared_area(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def spread_apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Moves places at least `gap` apart, in the same order and as near as possible.

    Places that are too near form a block, whose middle stays.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    # Number of places, and the sum of the first place that each wants.
    blocks: list[tuple[int, float]] = []
    for rank, index in enumerate(order):
        blocks.append((1, wanted[index] - rank * gap))
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][0] > blocks[-1][1] / blocks[-1][0]:
            count, total = blocks.pop()
            blocks[-1] = (blocks[-1][0] + count, blocks[-1][1] + total)
    starts = [total / count for count, total in blocks for _ in range(count)]
    found = [0.0] * len(wanted)
    for rank, index in enumerate(order):
        found[index] = starts[rank] + rank * gap
    return found
