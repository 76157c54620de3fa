"""Reads the Markdown that users read: its fenced commands, its code spans, its links."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PATTERNS = ("README.md", "CONTRIBUTING.md", "docs/*.md", "egs/*/README.md")
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix() for pattern in PATTERNS for path in ROOT.glob(pattern)
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)")
# What changes the shell for the commands after it in its block.
_CONTEXT = re.compile(r"^(cd |\. |\w+=\()")


class Block(NamedTuple):
    """A fenced block; `line` is that of its first line, from 1."""

    document: str
    line: int
    language: str
    text: str


class Command(NamedTuple):
    """A command of a fenced block, with the lines before it that change the shell."""

    document: str
    line: int
    text: str
    context: tuple[str, ...]


def read(document: str) -> str:
    """A document's text."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str) -> list[Block]:
    """Its fenced blocks, in order."""
    text = read(document)
    return [
        Block(document, text.count("\n", 0, found.start()) + 2, found[1], found[2])
        for found in _FENCE.finditer(text)
    ]


def without_blocks(document: str) -> str:
    """Its text outside fenced blocks."""
    return _FENCE.sub("", read(document))


def commands(document: str) -> list[Command]:
    """The commands of its `sh` blocks; a line that ends in a backslash goes on in the next."""
    found = []
    for block in blocks(document):
        if block.language != "sh":
            continue
        context: list[str] = []
        text = ""
        for number, line in enumerate(block.text.splitlines(), start=block.line):
            text += line.strip()
            if text.endswith("\\"):
                text = text[:-1]
                continue
            if text and not text.startswith("#"):
                found.append(Command(document, number, text, tuple(context)))
            if _CONTEXT.match(text):
                context.append(text)
            text = ""
    return found


def spans(document: str) -> list[str]:
    """Its `code` in running text, on one line."""
    return [" ".join(found.split()) for found in _SPAN.findall(without_blocks(document))]


def links(document: str) -> list[tuple[str, str]]:
    """The target and the anchor of each link to a file, or to this document (an empty target)."""
    return _LINK.findall(without_blocks(document))


def anchors(document: str) -> set[str]:
    """What a link into the document may name, as a Git host and mkdocs make it of a heading."""
    return {slug(heading) for heading in _HEADING.findall(without_blocks(document))}


def slug(heading: str) -> str:
    """`A key of results.json` -> `a-key-of-resultsjson`."""
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip())
