"""Fits the calibration of one system's scores, or the fusion of several."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from fad.evaluation.trials.options import add_key_options, add_score_options
from fad.experiment.directory import ExperimentDir
from fad.experiment.scores import check_weights
from fad.utils.cli import run

DESCRIPTION = """Fits llr = w . s + b on labelled scores: it makes scores log-likelihood ratios.

It reads the formats of `python -m fad.bin.evaluate --help`; --columns, --logits and --bonafide
apply to every file. Use the scores of a development set: data used neither for training nor for
testing. With one score file it fits a calibration. With several --scores, each one system's scores
of the same trials, it fits a fusion. --p_spoof is the prior of a spoof for which the fit is best;
it is no part of the ratios, and at 0.5 the fit minimises Cllr. Ratios stay of the order of ln N for
N trials, even if no trial is on the wrong side. Stage 4 does this for the dev set."""
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
        "--scores", required=True, action="append", type=Path, help="score file; repeatable"
    )
    add_score_options(parser)
    add_key_options(parser)
    parser.add_argument("--out", required=True, type=Path, help="the calibration, as JSON")
    parser.add_argument("--p_spoof", type=float, default=0.5, help="prior of a spoof (default 0.5)")
    parser.add_argument(
        "--model", type=Path, help="an exp/<tag>: refuse scores made by other weights"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Writes the calibration; prints it, and the costs before and after on these trials."""
    args = get_parser().parse_args(argv)
    for path in args.scores if args.model else ():
        check_weights(ExperimentDir(args.model), path)
    from fad.evaluation.calibration import files
    from fad.evaluation.calibration.model import write_calibration
    from fad.evaluation.results.text import terminal_table
    from fad.evaluation.trials.reading import read_systems
    from fad.evaluation.trials.trials import choose_phase

    systems = read_systems(args, args.scores, {})
    bonafide, spoof = files.by_class(systems)
    calibration = files.fit_files(args.scores, bonafide, spoof, args.p_spoof)
    write_calibration(args.out, calibration)
    for warning in files.warnings_of_fit(calibration, bonafide, spoof):
        logging.warning("%s", warning)
    print(files.formula(calibration))
    print(terminal_table(*files.fit_table(calibration, bonafide, spoof)))
    phase = choose_phase(systems[0])
    of = f", of the phase {phase}" if phase else ""
    print(f"on the {len(bonafide)} bona fide and {len(spoof)} spoofed trials of the fit itself{of}")


if __name__ == "__main__":
    run(main)
