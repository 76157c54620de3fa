"""Fits the calibration of one system's scores, or the fusion of several."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from fad.evaluation.trials.options import add_key_options, add_score_options
from fad.experiment.directory import ExperimentDir
from fad.experiment.scores import check_weights
from fad.utils.cli import run

DESCRIPTION = """Makes scores into log-likelihood ratios: fits llr = w . s + b on labelled scores.

Takes scores and keys of the forms in `python -m fad.bin.evaluate --help`; --columns, --logits and
--bonafide hold for every file. Scores must be of a development set: of data that trained nothing,
and on which nothing will be tested.
Of one system this is a calibration; give --scores several times, each a system's scores of the same
trials, for a fusion. --p_spoof is the prior of a spoof for which the fit shall be best, and no part
of the ratios; at 0.5 it is Cllr that is minimised. Ratios stay of the order of the logarithm of the
number of trials, also where no trial is on the wrong side. Stage 4 does this for the dev set."""
EXAMPLE = """examples:
  python -m fad.bin.calibrate --model exp/lora --scores exp/lora/scores/dev \\
      --labels data/dev/utt2label --out exp/lora/calibration.json
  python -m fad.bin.calibrate --scores exp/lora/scores/dev --scores exp/full/scores/dev \\
      --labels data/dev/utt2label --out exp/fusion.json"""


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.calibrate",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--scores", required=True, action="append", type=Path, help="file of scores; repeatable"
    )
    add_score_options(parser)
    add_key_options(parser)
    parser.add_argument("--out", required=True, type=Path, help="the calibration, as JSON")
    parser.add_argument("--p_spoof", type=float, default=0.5, help="prior (default 0.5)")
    parser.add_argument(
        "--model", type=Path, help="an exp/<tag>: refuse scores of other weights than are there"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Writes the calibration; prints what it is and what it changes on these trials."""
    args = get_parser().parse_args(argv)
    for path in args.scores if args.model else ():
        check_weights(ExperimentDir(args.model), path)
    from fad.evaluation.calibration.files import (
        by_class,
        fit_files,
        fit_table,
        formula,
        warnings_of_fit,
    )
    from fad.evaluation.calibration.model import write_calibration
    from fad.evaluation.results.text import terminal_table
    from fad.evaluation.trials.reading import read_systems
    from fad.evaluation.trials.trials import choose_phase

    systems = read_systems(args, args.scores, {})
    bonafide, spoof = by_class(systems)
    calibration = fit_files(args.scores, bonafide, spoof, args.p_spoof)
    write_calibration(args.out, calibration)
    for warning in warnings_of_fit(calibration, bonafide, spoof):
        logging.warning("%s", warning)
    print(formula(calibration))
    print(terminal_table(*fit_table(calibration, bonafide, spoof)))
    phase = choose_phase(systems[0])
    of = f", of the phase {phase}" if phase else ""
    print(f"on the {len(bonafide)} bona fide and {len(spoof)} spoofed trials of the fit itself{of}")


if __name__ == "__main__":
    run(main)
