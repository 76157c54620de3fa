"""Checks data directories: all tables, sorted, the same keys, known labels."""

import argparse
from collections import Counter
from collections.abc import Sequence

from fad.data.tables import LABELS, validate_data_dir
from fad.utils.cli import run

DESCRIPTION = """\
Checks data directories and prints what is in them; the first fault ends it with exit code 1.

  python -m fad.bin.validate_data_dir data/train data/dev data/eval
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dirs", nargs="+", metavar="DIR", help="data directory")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Validates each directory, in turn."""
    for directory in get_parser().parse_args(argv).dirs:
        counts = Counter(validate_data_dir(directory)["utt2label"].values())
        shown = ", ".join(f"{counts[label]} {label}" for label in reversed(LABELS))
        print(f"{directory}: valid: {sum(counts.values())} utterances, {shown}")


if __name__ == "__main__":
    run(main)
