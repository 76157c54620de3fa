"""Counts the parameters of a method on a pre-trained encoder."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from fad.cli import run
from fad.config import load_config

DESCRIPTION = """\
Prints, as JSON, how many parameters a method trains on a pre-trained encoder.

    python -m fad.bin.params --config lora_r16 --pretrained xlsr2_300m.pt

total        the file's (its pre-training heads included, as the paper counts; less the blocks
             that num_blocks leaves out) and ours
trainable    adaptation + backend
ratio        the pre-trained file's over the trainable ones: how many times fewer than full tuning
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.params",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, help="a method of conf/, or a YAML file")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override")
    parser.add_argument(
        "--pretrained", type=Path, required=True, help="a fairseq file or a Hugging Face folder"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the counts.

    Raises:
        FadError: the config or the file is not usable.
    """
    args = get_parser().parse_args(argv)
    config = load_config(args.config, args.set)
    from fad.detector import build_detector

    print(json.dumps(build_detector(config, args.pretrained).count(), indent=2))


if __name__ == "__main__":
    run(main)
