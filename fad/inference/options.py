"""Options of the programs that score: the model, the device and the precision."""

import argparse
from pathlib import Path

from fad.experiment.scores import FP32, PRECISIONS, ScoringMode


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Adds --model, --pretrained, --ngpu, --precision and --compute."""
    parser.add_argument("--model", type=Path, required=True, help="an exp/<tag>")
    parser.add_argument(
        "--pretrained", type=Path, help="the fairseq file or Hugging Face folder, if it has moved"
    )
    parser.add_argument("--ngpu", type=int, default=0, help="0 or 1 (default 0)")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=FP32,
        help="fp32, or int8 in the linear layers of the encoder's blocks: faster on a CPU, in less "
        "memory, and with slightly other scores (default fp32)",
    )
    parser.add_argument(
        "--compute",
        type=int,
        default=1,
        metavar="FACTOR",
        help="faster and less accurate scoring by a method that has it: 'stochastic' averages up "
        "to FACTOR frames (default 1, the whole)",
    )


def scoring_mode(args: argparse.Namespace) -> ScoringMode:
    """The scoring mode of --precision and --compute."""
    return ScoringMode(args.precision, args.compute)
