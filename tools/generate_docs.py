#!/usr/bin/env python3
"""Writes the tables that repeat the code: methods, recipes, and the list of configs in fad.sh.

    python tools/generate_docs.py            # write them
    python tools/generate_docs.py --check    # change nothing; exit code 1 if one is out of date

A method's description is the first line of its file in conf/; its numbers come from the shape of
XLS-R 300M. A recipe's description is the first line below the title of its README.md. In Markdown a
table is between `<!-- name: begin -->` and `<!-- name: end -->`.
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from fad.config import shipped

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 100
_ARXIV = re.compile(r"arXiv (\d{4}\.\d{5})")
_RESULTS = re.compile(r"^## Results\n+(.*)$", re.MULTILINE)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    heading, *lines = (f"| {' | '.join(line)} |" for line in (headings, *rows))
    return "\n".join([heading, "|---" * len(headings) + "|", *lines])


def methods() -> str:
    """The descriptions of all methods, and of all parts joined to lora."""
    rows = [(f"`{name}`", shipped.describe(name)) for name in shipped.listed()]
    return table(("`--config`", "what it is"), rows)


@cache
def method_counts() -> str:
    """The same with links and numbers of trained parameters on XLS-R 300M, fewest first."""
    from fad.models.parameters import count_methods, read_shape

    rows = [
        (
            f"`{name}`",
            _ARXIV.sub(r"[\1](https://arxiv.org/abs/\1)", shipped.describe(name)),
            f"{counts.parameters['trainable']:,}",
            f"{counts.parameters['ratio']:,.0f}",
        )
        for name, counts in count_methods(read_shape(None), []).items()
    ]
    return table(("`--config`", "what it is", "trainable parameters", "times fewer"), rows)


def recipes(root: Path) -> str:
    """The descriptions of all recipes, with links to their results if there are any."""
    rows = []
    for file in sorted(root.glob("egs/[a-z]*/README.md")):
        name = file.parent.name
        text = file.read_text(encoding="utf-8")
        found = _RESULTS.search(text)
        has_results = found is not None and not found[1].startswith("None")
        rows.append(
            (
                f"[egs/{name}](egs/{name}/README.md)",
                text.split("\n")[2].rstrip("."),
                f"[results](egs/{name}/README.md#results)" if has_results else "none yet",
            )
        )
    return table(("recipe", "corpus", "results"), rows)


def fill(text: str, name: str, content: str) -> str:
    """Replaces the content between the two marks of `name` in a text.

    Raises:
        ValueError: the text does not have exactly one such region.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"one '{begin}' and one '{end}' are needed")
    before, rest = text.split(begin)
    return f"{before}{begin}\n\n{content}\n\n{end}{rest.split(end)[1]}"


def list_configs(text: str, names: Sequence[str]) -> str:
    """Replaces the list in the parentheses of the comment of `config=` in fad.sh.

    Raises:
        ValueError: there is no such comment.
    """
    found = re.search(r"^(config=\w+ +)# (.*(?:\n +# .*)*)", text, re.MULTILINE)
    if found is None or "(" not in found[2]:
        raise ValueError("no line 'config=... # ... (list of configs)'")
    comment = re.sub(r"\s*\n +# ", " ", found[2])
    comment = re.sub(r"\([^)]*\)", f"({', '.join(names)})", comment, count=1)
    indent = " " * len(found[1]) + "# "
    first = found[1] + "# "
    lines = textwrap.fill(comment, WIDTH, initial_indent=first, subsequent_indent=indent)
    return text[: found.start()] + lines + text[found.end() :]


def targets(root: Path) -> dict[str, Callable[[str], str]]:
    """For each file with generated parts, a function that updates its text."""
    return {
        "README.md": lambda text: fill(fill(text, "recipes", recipes(root)), "methods", methods()),
        "docs/methods.md": lambda text: fill(text, "method-counts", method_counts()),
        "egs/TEMPLATE/fad.sh": lambda text: list_configs(text, shipped.names()),
    }


def outdated(root: Path) -> dict[str, str]:
    """The new text of each file that is out of date.

    Raises:
        ValueError: a file has no place for a generated part; the text names the file.
    """
    changed = {}
    for name, update in targets(root).items():
        text = (root / name).read_text(encoding="utf-8")
        try:
            new = update(text)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if new != text:
            changed[name] = new
    return changed


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the files that are out of date; with --check returns 1 if there are any."""
    args = get_parser().parse_args(argv)
    try:
        changed = outdated(ROOT)
    except ValueError as error:
        sys.exit(f"generate_docs.py: error: {error}")
    for name, text in changed.items():
        print(f"{name}: {'out of date' if args.check else 'written'}")
        if not args.check:
            (ROOT / name).write_text(text, encoding="utf-8")
    return int(args.check and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
