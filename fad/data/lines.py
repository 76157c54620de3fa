"""Reads text files in blocks of lines: a file of a million lines needs the memory of a few."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fad.utils.errors import FadError

# Terminal codes and other line ends: no path or name needs them, and messages would print them.
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_BLOCK = 1 << 15  # bytes
_LONGEST = 1 << 26  # bytes: a speaker of a million utterances has 20 MB in spk2utt
_OTHER_FORMATS = {
    b"\x1f\x8b": "packed by gzip: unpack it (gunzip -k)",
    b"BZh": "packed by bzip2: unpack it (bunzip2 -k)",
    b"\xfd7zXZ": "packed by xz: unpack it (unxz -k)",
    b"\x28\xb5\x2f\xfd": "packed by zstd: unpack it (unzstd)",
    b"PK\x03\x04": "a spreadsheet or a ZIP archive: export it as CSV, or unpack it",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet: export it as CSV",
    b"\x93NUMPY": "an array of NumPy: write it as a table of text",
    b"\x89HDF": "an HDF5 file: write it as a table of text",
    b"SQLite": "a database: export it as CSV",
}


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
            _refuse_other_formats(path, file.peek(8))
            for raw in _whole_lines(path, file):
                yield Block(path, raw, first, start)
                first, start = first + len(raw), start + sum(map(len, raw))
    except OSError as error:
        raise FadError(f"{path}: cannot be read ({error.strerror}): make or mend it") from None


def _whole_lines(path: str | Path, file: BinaryIO) -> Iterator[list[bytes]]:
    """Yields some lines with their ends at a time; a longer line than `_LONGEST` is not read whole.

    Raises:
        FadError: a line is longer.
    """
    rest, size = [], 0  # the pieces of a line that has not ended yet, joined once
    while chunk := file.read(_BLOCK):
        rest.append(chunk)
        size += len(chunk)
        if size > _LONGEST:
            raise FadError(f"{path}: has a line of over {_LONGEST:,} bytes: is it a table of text?")
        if b"\n" in chunk:
            *lines, last = b"".join(rest).split(b"\n")
            yield [line + b"\n" for line in lines]
            rest, size = [last], len(last)
    if any(rest):
        yield [b"".join(rest)]


def _refuse_other_formats(path: str | Path, begin: bytes) -> None:
    """Names files that are no text by their first bytes.

    Raises:
        FadError: it is one.
    """
    for magic, what in _OTHER_FORMATS.items():
        if begin.startswith(magic):
            raise FadError(f"{path}: is {what}")


def iter_lines(path: str | Path) -> Iterator[str]:
    """The lines of a text file without their ends, checked.

    Raises:
        FadError: The file cannot be read, is not UTF-8, or has a control character other than tab.
    """
    for block in iter_blocks(path):
        yield from block.lines()
