"""Tables as text: aligned columns for a terminal, or Markdown."""

import re
from collections.abc import Sequence

from fad.utils.printable import printable

Rows = Sequence[Sequence[str]]


def is_number(cell: str) -> bool:
    """Whether a cell is aligned right: it starts with a digit or a sign and a digit, or is `-`."""
    return cell == "-" or cell.lstrip("+-")[:1].isdigit()


def _right_aligned(header: Sequence[str], rows: Rows) -> list[bool]:
    return [all(is_number(row[column]) for row in rows) for column in range(len(header))]


def _pad(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    together = zip(cells, widths, right, strict=True)
    return [
        cell.rjust(width) if is_right else cell.ljust(width) for cell, width, is_right in together
    ]


def for_markdown(text: str) -> str:
    """A text that Markdown shows as it is, in a table too: names may come from strangers."""
    return re.sub(r"([\\`|<>\[\]])", r"\\\1", printable(text))


def terminal_table(header: Sequence[str], rows: Rows) -> str:
    """Columns two spaces apart under a rule; columns of numbers are aligned right."""
    header, rows = [*map(printable, header)], [[*map(printable, row)] for row in rows]
    right = _right_aligned(header, rows)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [_pad(header, widths, right), ["-" * width for width in widths]]
    lines += [_pad(row, widths, right) for row in rows]
    return "\n".join("  ".join(line).rstrip() for line in lines)


def markdown_table(header: Sequence[str], rows: Rows) -> str:
    """A Markdown table, also aligned as text; columns of numbers are aligned right."""
    right = _right_aligned(header, rows)
    header, rows = [*map(for_markdown, header)], [[*map(for_markdown, row)] for row in rows]
    widths = [max(3, *map(len, column)) for column in zip(header, *rows, strict=True)]
    ends = [":" if is_right else "-" for is_right in right]
    rule = ["-" * (width - 1) + end for width, end in zip(widths, ends, strict=True)]
    lines = [_pad(header, widths, right), rule, *(_pad(row, widths, right) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
