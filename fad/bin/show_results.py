"""Prints one table over the experiments of one or more recipes."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fad.evaluation.results.overview import SORT_KEYS, each_alone, gather, overview_table
from fad.evaluation.results.same_trials import different_trials
from fad.evaluation.results.systems import group_seeds, name_sets
from fad.evaluation.results.text import for_markdown, markdown_table, terminal_table
from fad.utils.cli import run
from fad.utils.printable import printable

DESCRIPTION = """Prints one table over all EXP_DIR/<tag>/results.json: trainable parameters, how
many times fewer than the model has, seconds an epoch, peak memory, and the EER in percent on each
test set, over all attacks, seen and unseen ones. Runs that differ only in their seed are one row:
mean ± sample deviation, and the best run in brackets. A * marks a set of which not all runs were
tested on the same trials; a line under the table says which."""
EXAMPLE = """examples, in a recipe and over recipes:
  python -m fad.bin.show_results
  python -m fad.bin.show_results egs/mini/exp egs/custom/exp --markdown"""


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.show_results",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("exp_dirs", nargs="*", type=Path, metavar="EXP_DIR", help="default: exp")
    parser.add_argument("--seeds", action="store_true", help="a row for each run, not each system")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument(
        "--sort", choices=sorted(SORT_KEYS), default="trainable", help="default: %(default)s"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the table."""
    args = get_parser().parse_args(argv)
    experiments = name_sets(gather(args.exp_dirs or [Path("exp")], args.sort))
    systems = each_alone(experiments) if args.seeds else group_seeds(experiments)
    notes = different_trials(systems)
    header, rows = overview_table(systems, notes)
    print((markdown_table if args.markdown else terminal_table)(header, rows))
    for note in notes.values():
        print("\n\\* " + for_markdown(note) if args.markdown else "* " + printable(note))


if __name__ == "__main__":
    run(main)
