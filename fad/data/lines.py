"""Reads text files in blocks of lines: a file of a million lines needs the memory of a few."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fad.utils.errors import FadError

# Terminal codes and other line ends: no path or name needs them, and messages would print them.
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_BLOCK = 1 << 16  # bytes


def control_character(text: str) -> str | None:
    """The first control character other than tab, or None."""
    if text.isprintable():  # a much faster test: no control character is printable
        return None
    found = CONTROL.search(text)
    return found and found[0]


@dataclass(frozen=True)
class Block:
    """Some whole lines of a file.

    Attributes:
        path: the file.
        raw: the lines with their ends.
        first: the number of the first line, from 1.
        start: the number of bytes before the first line.
    """

    path: str | Path
    raw: list[bytes]
    first: int
    start: int

    def text(self) -> str:
        """The whole block if it is ASCII, else an empty text; for callers that parse many lines."""
        joined = b"".join(self.raw)
        return joined.decode() if joined.isascii() else ""

    def lines(self) -> Iterator[str]:
        """The lines without their ends.

        Raises:
            FadError: a line is not UTF-8, or has a control character other than tab.
        """
        start = self.start
        for number, raw in enumerate(self.raw, start=self.first):
            try:
                line = raw.decode().removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError as error:
                place = start + error.start
                raise FadError(
                    f"{self.path}: not UTF-8 at byte {place}: convert it (iconv)"
                ) from None
            if found := control_character(line):
                raise FadError(
                    f"{self.path}:{number}: has the control character {found!r}: remove it, or "
                    "convert the file to UTF-8 (iconv)"
                )
            yield line
            start += len(raw)


def iter_blocks(path: str | Path) -> Iterator[Block]:
    """A file's lines in blocks, without a byte order mark.

    Raises:
        FadError: the file cannot be read.
    """
    first, start = 1, 0
    try:
        with open(path, "rb") as file:
            if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
                file.seek(0)
            while raw := file.readlines(_BLOCK):
                yield Block(path, raw, first, start)
                first, start = first + len(raw), start + sum(map(len, raw))
    except OSError as error:
        raise FadError(f"{path}: cannot be read ({error.strerror}): make or mend it") from None


def iter_lines(path: str | Path) -> Iterator[str]:
    """The lines of a text file without their ends, checked.

    Raises:
        FadError: The file cannot be read, is not UTF-8, or has a control character other than tab.
    """
    for block in iter_blocks(path):
        yield from block.lines()
