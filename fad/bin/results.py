"""Stage 5: writes results.json, RESULTS.md, plots and pages of one experiment."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from fad.utils.cli import parse_pairs, run

DESCRIPTION = """Writes results.json, RESULTS.md, report.html and a DET plot for each test set into
exp/<tag>, and again exp/report.html over all experiments there.

It reads exp/<tag>/scores/<set> and exp/<tag>/train_summary.json, which says what the model was
trained on: attacks that occurred there are `seen`; and the tables utt2label, utt2attack and utt2spk
of each test set."""
EXAMPLE = """example:
  python -m fad.bin.results --exp exp/lora --test eval=dump/audio/eval \\
      --asv_scores eval=asv_scores.txt"""


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.results",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--exp", required=True, type=Path, help="exp/<tag>")
    parser.add_argument(
        "--dump_dir",
        type=Path,
        default=Path("dump"),
        help="stage 2's, for an old experiment that does not say what it was trained on (dump)",
    )
    parser.add_argument(
        "--test", required=True, action="append", metavar="SET=DIR", help="a set and its data"
    )
    parser.add_argument(
        "--asv_scores", default=[], action="append", metavar="SET=FILE", help="for min t-DCF"
    )
    return parser


def parse_paths(option: str, texts: Sequence[str]) -> dict[str, Path]:
    """`SET=PATH` words as a dictionary in their order."""
    pairs = parse_pairs(option, texts, "eval=dump/audio/eval")
    return {name: Path(path) for name, path in pairs.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """Writes the results of one experiment."""
    args = get_parser().parse_args(argv)
    tests = parse_paths("--test", args.test)
    asv_scores = parse_paths("--asv_scores", args.asv_scores)
    from fad.evaluation.html.page import write_pages
    from fad.evaluation.results.experiment import report
    from fad.evaluation.results.one_class import one_class_sentence
    from fad.experiment.directory import ExperimentDir

    exp = ExperimentDir(args.exp)
    results = report(exp, args.dump_dir, tests, asv_scores)
    for name, found in results["test_sets"].items():
        if "one_class" in found:
            logging.info("%s: %s", name, one_class_sentence(found))
        else:
            logging.info("%s: EER %.2f %%", name, found["eer_percent"])
        for warning in found["warnings"]:
            logging.warning("%s: %s", name, warning)
    write_pages(exp)
    logging.info("written: %s and report.html", exp.results_md)


if __name__ == "__main__":
    run(main)
