"""Writes one self-contained HTML page over experiments."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from fad.evaluation.results.overview import SORT_KEYS, gather_with_curves
from fad.utils.cli import run
from fad.utils.files import write_text

DESCRIPTION = """Writes one HTML page over all EXP_DIR/<tag>/results.json: a table of all systems,
DET curves, error rates by attack, costs, calibration, the hardest trials, and the provenance of
every number. Runs that differ only in their seed are one system. The page needs no network and no
scripts: it can be sent as it is."""
EXAMPLE = """examples, one experiment, all of a recipe, and several recipes:
  python -m fad.bin.report egs/mini/exp/lora --out egs/mini/exp/lora/report.html
  python -m fad.bin.report egs/mini/exp --out egs/mini/exp/report.html
  python -m fad.bin.report egs/mini/exp egs/custom/exp --out report.html"""


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.report",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "exp_dirs", nargs="+", type=Path, metavar="EXP_DIR", help="exp, or exp/<tag>"
    )
    parser.add_argument("--out", required=True, type=Path, help="the page, such as report.html")
    parser.add_argument("--title", help="its heading (default: the names of the folders)")
    parser.add_argument(
        "--sort", choices=sorted(SORT_KEYS), default="trainable", help="default: %(default)s"
    )
    return parser


def name_of(exp_dir: Path) -> str:
    """`mini` for egs/mini/exp, `mini/lora` for egs/mini/exp/lora."""
    parts = [part for part in exp_dir.resolve().parts if part != "exp"]
    return parts[-1] if exp_dir.resolve().name == "exp" else "/".join(parts[-2:])


def main(argv: Sequence[str] | None = None) -> None:
    """Writes the page."""
    args = get_parser().parse_args(argv)
    from fad.evaluation.html.page import page

    experiments = gather_with_curves(args.exp_dirs, args.sort)
    title = args.title or f"Results of {', '.join(map(name_of, args.exp_dirs))}"
    write_text(args.out, page(experiments, title))
    logging.info("written: %s, over %d experiments", args.out, len(experiments))


if __name__ == "__main__":
    run(main)
