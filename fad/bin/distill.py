"""Distils the factors of the method `pela` from a pre-trained encoder."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fad.config.plugins import add_plugin_option, load_environment
from fad.utils.cli import parse_finite, parse_natural, run

DESCRIPTION = """\
Replaces each linear layer of a pre-trained encoder's blocks by a product of two thin matrices, from
its SVD. Then trains these so that the outputs of the blocks stay near those of the whole encoder.
Any speech will do: no labels are read.

    python -m fad.bin.distill --pretrained xlsr2_300m.pt --audio dump/audio/train \\
        --out pela.safetensors --c 3 --steps 10000
    python -m fad.bin.train --config pela --set adaptation_conf.factors=pela.safetensors ...

After a stop, the same command continues from the last checkpoint, which lies beside OUT until the
end.
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.distill",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    natural: dict[str, Any] = {"type": parse_natural, "metavar": "N"}
    add("--pretrained", type=Path, required=True, help="a fairseq file or a Hugging Face folder")
    add("--encoder", default="xlsr", help="as in a config (default xlsr)")
    add_plugin_option(parser)
    add("--audio", type=Path, required=True, help="a dump/audio/<set> of stage 2")
    add("--out", type=Path, required=True, help="file of factors to write, *.safetensors")
    add("--c", type=parse_finite, default=3.0, help="keep 1/c of the weights (default 3)")
    add("--steps", **natural, default=10000, help="training steps (default 10000)")
    add("--batch_size", **natural, default=16, help="crops a step (default 16)")
    add("--lr", type=parse_finite, default=1e-4, help="highest rate of AdamW (default 1e-4)")
    add("--seed", **natural, default=1, help="seed of crops and order (default 1)")
    add("--crop_samples", **natural, default=64600, help="length of a crop (default 64600)")
    add("--num_workers", **natural, default=2, help="processes that read audio (default 2)")
    add("--checkpoint_steps", **natural, default=500, help="steps to a checkpoint (default 500)")
    add("--ngpu", type=int, default=0, help="GPUs, 0 or 1 (default 0)")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Distils.

    Raises:
        FadError: see `fad.train.distillation`.
    """
    args = get_parser().parse_args(argv)
    load_environment()
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
