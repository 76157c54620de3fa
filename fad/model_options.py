"""Which model scores, where and in which precision: the options of the programs that score."""

import argparse
from pathlib import Path

FP32, INT8 = "fp32", "int8"
PRECISIONS = (FP32, INT8)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Adds --model, --pretrained, --ngpu and --precision."""
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
