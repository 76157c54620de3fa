"""The command `fad`: its subcommands are the other files of this folder."""

import ast
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from fad.utils.cli import run
from fad.utils.errors import FadError, nearest

USAGE = """\
usage: fad COMMAND [OPTION ...]

`fad COMMAND` is `python -m fad.bin.COMMAND`; `fad COMMAND --help` shows its options.

{commands}
"""


def subcommands() -> dict[str, Path]:
    """The file of each subcommand, by name."""
    files = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    return {file.stem: file for file in files}


def usage() -> str:
    """The help: each subcommand with the first line of its file, which is read and not imported."""
    found = subcommands()
    width = max(map(len, found))
    return USAGE.format(
        commands="\n".join(f"  {name:{width}}  {_summary(file)}" for name, file in found.items())
    )


def _summary(file: Path) -> str:
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def main(argv: Sequence[str] | None = None) -> None:
    """Runs a subcommand with the words behind its name.

    Raises:
        FadError: there is no such subcommand; otherwise as the subcommand.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    sys.argv[0] = "fad"  # errors begin with it
    if not words or words[0] in ("-h", "--help"):
        print(usage(), end="")
        return
    name, *rest = words
    if name not in subcommands():
        raise FadError(f"no command '{name[:80]}'; {nearest(name, subcommands())}")
    sys.argv[0] = f"fad {name}"
    importlib.import_module(f"fad.bin.{name}").main(rest)


def console() -> None:
    """What the installed command calls."""
    run(main)


if __name__ == "__main__":
    console()
