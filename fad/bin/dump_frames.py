"""Stage 2: stores what the frozen part of the encoder computes for dumped audio."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from fad.config.options import add_config_options
from fad.config.resolve import load_config
from fad.dump.jobs import add_job_options, check_job, end_is_done
from fad.encoders.boundary import DUMP_HELP, parse_dump
from fad.utils.cli import run
from fad.utils.errors import FadError

DESCRIPTION = """\
Runs the part of the encoder that a method leaves frozen on a dumped set once, and stores what it
gives as kaldiio arks: the frontend's frames, or the outputs of the frozen blocks.

    python -m fad.bin.dump_frames --config lora --pretrained xlsr2_300m.pt --name train
    python -m fad.bin.dump_frames --config lora --pretrained xlsr2_300m.pt --name train \\
        --combine true

A training set's outputs of blocks are stored only with --set train.crop=first. Old files are kept.
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.dump_frames",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_options(parser)
    add = parser.add_argument
    add("--pretrained", type=Path, required=True, help="a fairseq file or a Hugging Face folder")
    add("--dump_dir", type=Path, default=Path("dump"), help="directory of stage 2 (default dump)")
    add("--name", required=True, help="a set under <dump_dir>/audio")
    add("--use", choices=("train", "dev"), default="train", help="what it is for (default train)")
    add("--dump", type=parse_dump, default="auto", help=DUMP_HELP)
    add("--max_dump_gb", type=float, default=100, help="most to store, in GB (default 100)")
    add("--ngpu", type=int, default=0, help="GPUs, 0 or 1 (default 0)")
    add_job_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Runs one job, or joins all.

    Raises:
        FadError: an input is missing, or the frames would take more than --max_dump_gb.
    """
    args = get_parser().parse_args(argv)
    check_job(args)
    config = load_config(args.config, args.set)
    audio = args.dump_dir / "audio" / args.name
    if not (audio / "wav.scp").is_file():
        raise FadError(f"{audio}: missing or not complete: run stage 2 (dump) for this set")
    from fad.dump import features as frame_dump
    from fad.dump.plan import gigabytes, open_dumps

    dumps = open_dumps(config, args.pretrained, args.dump_dir, args.name, args.use)
    source = dumps.audio_source()
    boundary = dumps.plan(args.dump, source.frames, args.max_dump_gb)
    found = dumps.missing(boundary)
    targets = [frame_dump.Target(kind, dumps.folder(kind), dumps.describe(kind)) for kind in found]
    if args.is_done and targets:
        end_is_done(f"{args.name} at {boundary}: {gigabytes(found, source):.2f} GB to store")
    if not targets:
        what = "there already" if dumps.kinds(boundary) else "nothing is stored of it"
        logging.info("%s at %s: %s", args.name, boundary, what)
    elif args.combine:
        for target in targets:
            frame_dump.combine(source, target, args.nj)
    else:
        frame_dump.dump_job(dumps.encoder_on(args.ngpu), source, targets, args.job, args.nj)


if __name__ == "__main__":
    run(main)
