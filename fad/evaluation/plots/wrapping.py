"""Whole names in titles and legends: in as many lines as they need.

Tags of runs often differ only in their middle, so that names with a gap there would look the same.
"""

from fad.evaluation.plots.style import FONT, LEGEND_SIZE, TITLE_SIZE, label

LINE = {TITLE_SIZE: 0.18, LEGEND_SIZE: 0.165}
"""Inches from one line to the next, by the size of the letters in points."""

_MOST = 200  # characters: a tag has at most as many as a folder's name
_BREAKS = " _+=./,-"  # a line ends behind one of these, if it is in the line's last half


def wrapped(name: str, width: float, size: float) -> str:
    """The name in lines of at most `width` inches, of letters of `size` points."""
    rest, lines = label(name, _MOST), []
    while rest:
        end = _fitting(rest, 72 * width, size)
        if end < len(rest):
            place = 1 + max(rest.rfind(mark, 0, end) for mark in _BREAKS)
            end = place if place > end / 2 else end
        lines.append(rest[:end])
        rest = rest[end:]
    return "\n".join(lines)


def more_lines(names: list[str], size: float) -> float:
    """Inches that the longest of some wrapped names needs beyond a first line."""
    return LINE[size] * max((name.count("\n") for name in names), default=0)


def _fitting(text: str, points: float, size: float) -> int:
    """How many characters of a text fit into a width in points; at least 1."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=FONT, size=size)
    end = 1
    while end < len(text):
        width, _, _ = text_to_path.get_text_width_height_descent(text[: end + 1], font, False)
        if width > points:
            break
        end += 1
    return end
