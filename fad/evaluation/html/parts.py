"""What several templates show: tables, figures, and parts named after their test set."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fad.evaluation.plots.style import data_uri
from fad.evaluation.results.text import is_number

Part = TypeVar("Part")


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row is its header.

    Attributes:
        caption: what the table shows.
        header: a title for each column.
        rows: one cell for each column.
        groups: titles over several columns, each with its number of columns; together they cover
            all columns. An empty title leaves its columns without one.
        code: titles of the columns that are written in a monospaced font.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    groups: Sequence[tuple[str, int]] = ()
    code: Collection[str] = ()

    @property
    def classes(self) -> list[str]:
        """The CSS class of each column: columns of numbers are aligned right."""
        return ["", *(self._class(column) for column in range(1, len(self.header)))]

    def _class(self, column: int) -> str:
        return "number" if all(is_number(row[column]) for row in self.rows) else ""


@dataclass(frozen=True)
class Figure:
    """A plot.

    Attributes:
        image: SVG.
        alt: says what the plot shows to readers who do not see it.
        caption: the text below it.
        is_wide: whether it takes the whole width, and scrolls where the window is narrower.
    """

    image: bytes
    alt: str
    caption: str
    is_wide: bool = False

    @property
    def src(self) -> str:
        """The image as a data URI."""
        return data_uri(self.image)


def by_set(names: Sequence[str], parts: Sequence[Part | None]) -> list[tuple[str, Part]]:
    """The parts that are not empty, each with its heading: its set's name if there are several."""
    named = len(names) > 1
    pairs = zip(names, parts, strict=True)
    return [(name if named else "", part) for name, part in pairs if part]
