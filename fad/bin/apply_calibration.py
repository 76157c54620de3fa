"""Turns scores into log-likelihood ratios by a fitted calibration."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fad.evaluation.trials.options import add_score_options
from fad.utils.cli import run
from fad.utils.errors import FadError

DESCRIPTION = """Writes `utt llr`, sorted: log-likelihood ratios in nats, higher is more bona fide.

It reads the formats of `python -m fad.bin.evaluate --help`. Give --scores once for each system of
the calibration, in its order, all of the same trials. Scores made by stage 4 must be of the models
that the calibration was fitted on; for other scores, only the order says which system they are of.
The best decision accepts a trial from -ln[c_miss (1 - p_spoof) / (c_fa p_spoof)] on."""
EXAMPLE = """examples:
  python -m fad.bin.apply_calibration --calibration exp/lora/calibration.json \\
      --scores exp/lora/scores/eval --out eval_llr
  python -m fad.bin.apply_calibration --calibration exp/fusion.json \\
      --scores exp/lora/scores/eval --scores exp/full/scores/eval --out eval_fused"""


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.apply_calibration",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--calibration", required=True, type=Path, help="made by fad.bin.calibrate")
    parser.add_argument(
        "--scores", required=True, action="append", type=Path, help="score file; repeatable"
    )
    add_score_options(parser)
    parser.add_argument("--out", required=True, type=Path, help="where to write the ratios")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Writes the ratios.

    Raises:
        FadError: a file is malformed or does not fit the others, or --out is one of the inputs.
    """
    args = get_parser().parse_args(argv)
    inputs = {path.resolve() for path in (args.calibration, *args.scores)}
    if args.out.resolve() in inputs:
        raise FadError(f"--out {args.out}: is an input and would be lost: name another file")
    from fad.evaluation.calibration.files import apply_to_files
    from fad.evaluation.calibration.model import read_calibration
    from fad.evaluation.trials.reading import read_files
    from fad.evaluation.trials.score_files import write_scores

    files = read_files(args, args.scores)
    ratios = apply_to_files(read_calibration(args.calibration), args.calibration, files)
    write_scores(args.out, ratios)


if __name__ == "__main__":
    run(main)
