"""Counts the parameters of a method, or of all, on a pre-trained encoder."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from fad.config.options import add_config_options
from fad.config.resolve import load_config
from fad.utils.cli import run

DESCRIPTION = """\
Prints how many parameters a method trains: one method as JSON, all of conf/ as a table.

    python -m fad.bin.params --config lora_r16 --pretrained xlsr2_300m.pt
    python -m fad.bin.params --all

total        parameters of the pre-trained file and ours. As in the paper, pre-training heads count;
             blocks that num_blocks leaves out do not
trainable    adaptation + backend + loss (in the table: in encoder, in back-end)
ratio        parameters of the file / trainable: how many times fewer than full tuning
bytes saved  the values in best.safetensors
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.params",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_true", help="every method of conf/, and lora+PART")
    add_config_options(parser, which)
    parser.add_argument(
        "--pretrained",
        type=Path,
        help="a fairseq file or a Hugging Face folder (default: the shape of XLS-R 300M)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the counts.

    Raises:
        FadError: a config or the file is not usable.
    """
    args = get_parser().parse_args(argv)
    config = None if args.all else load_config(args.config, args.set)
    from fad.models import parameters as counts

    shape = counts.read_shape(args.pretrained)
    if config is None:
        print(counts.as_table(counts.count_methods(shape, args.set)))
    else:
        print(json.dumps(counts.count_config(config, shape).parameters, indent=2))


if __name__ == "__main__":
    run(main)
