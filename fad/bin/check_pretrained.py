"""Shows what a pre-trained model is, and checks it against released shapes."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from fad.utils.cli import run

DESCRIPTION = """\
Reads a pre-trained model and prints what it is, as JSON.

    python -m fad.bin.check_pretrained --pretrained xlsr2_300m.pt --like xls-r-300m
    python -m fad.bin.check_pretrained --pretrained wav2vec2-xls-r-1b/

parameters   all parameters of the file, including the pre-training heads
like         the released models that have exactly its shape
normalize    whether it needs audio with zero mean and unit variance
sha256       by which a trained model recognises it
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.check_pretrained",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--pretrained", type=Path, required=True, help="a fairseq file or a Hugging Face folder"
    )
    parser.add_argument("--like", help="released model whose shape it must have, e.g. xls-r-300m")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Prints what it is.

    Raises:
        FadError: it is not usable, or not of the shape of `--like`.
    """
    args = get_parser().parse_args(argv)
    from fad.encoders.checkpoint import load_xlsr, pretrained_sha256, read_checkpoint
    from fad.encoders.released import alike, check_shapes

    checkpoint = read_checkpoint(args.pretrained)
    if args.like:
        check_shapes(checkpoint, args.like)
    load_xlsr(checkpoint)
    found = {
        "parameters": checkpoint.num_parameters,
        "like": alike(checkpoint),
        "normalize": checkpoint.normalize,
        "sha256": pretrained_sha256(args.pretrained),
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    run(main)
