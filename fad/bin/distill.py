"""Distils the factors of the method `pela` from a pre-trained encoder."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fad.utils.cli import parse_finite, parse_natural, run

DESCRIPTION = """\
Makes the linear layers of a pre-trained encoder's blocks products of two thin matrices, by SVD, and
trains these so that the blocks' outputs stay those of the whole encoder. Any speech serves: labels
are not read.

    python -m fad.bin.distill --pretrained xlsr2_300m.pt --audio dump/audio/train \\
        --out pela.safetensors --c 3 --steps 10000
    python -m fad.bin.train --config pela --set adaptation_conf.factors=pela.safetensors ...

Stopped and started again with the same options, it goes on where it was: beside OUT lies a
checkpoint until it is done.
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.distill",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--pretrained", type=Path, required=True, help="a fairseq file or a Hugging Face folder"
    )
    parser.add_argument("--encoder", default="xlsr", help="as in a config (default xlsr)")
    parser.add_argument("--audio", type=Path, required=True, help="a dump/audio/<set> of stage 2")
    parser.add_argument("--out", type=Path, required=True, help="the factors, *.safetensors")
    parser.add_argument("--c", type=parse_finite, default=3.0, help="keeps 1/c of the weights (3)")
    parser.add_argument("--steps", type=parse_natural, default=10000, help="default 10000")
    parser.add_argument("--batch_size", type=parse_natural, default=16, help="default 16")
    parser.add_argument(
        "--lr", type=parse_finite, default=1e-4, help="of AdamW, warm-up and cosine (default 1e-4)"
    )
    parser.add_argument("--seed", type=parse_natural, default=1, help="of crops, order (1)")
    parser.add_argument("--crop_samples", type=parse_natural, default=64600, help="default 64600")
    parser.add_argument("--num_workers", type=parse_natural, default=2, help="that read audio (2)")
    parser.add_argument(
        "--checkpoint_steps", type=parse_natural, default=500, help="between checkpoints (500)"
    )
    parser.add_argument("--ngpu", type=int, default=0, help="0 or 1 (default 0)")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Distils.

    Raises:
        FadError: see `fad.train.distillation`.
    """
    args = get_parser().parse_args(argv)
    from fad.train.distillation import DistillSettings, distil
    from fad.utils.devices import choose_device

    settings = DistillSettings(
        args.c, args.steps, args.batch_size, args.lr, args.seed, args.crop_samples, args.encoder
    )
    device = choose_device(args.ngpu)
    every = max(1, args.checkpoint_steps)
    distil(args.pretrained, args.audio, args.out, settings, device, args.num_workers, every)


if __name__ == "__main__":
    run(main)
