"""Stage 2: the frontend frames of dumped audio, for methods that leave the frontend fixed."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from fad.cli import run
from fad.config import load_config
from fad.data.jobs import add_job_options, check_job
from fad.errors import FadError

DESCRIPTION = """\
Computes the frontend's frames of a dumped set once, and stores them as kaldiio arks.

    python -m fad.bin.dump_frames --config lora --pretrained xlsr2_300m.pt --name train
    python -m fad.bin.dump_frames --config lora --pretrained xlsr2_300m.pt --name train \\
        --combine true

Frames that are there already are kept. A method that tunes the frontend needs none, and gets none.
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.dump_frames",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, help="the method that will be trained")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override")
    parser.add_argument(
        "--pretrained", type=Path, required=True, help="a fairseq file or a Hugging Face folder"
    )
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="stage 2's directory")
    parser.add_argument("--name", required=True, help="a set under <dump>/audio")
    parser.add_argument("--max_dump_gb", type=float, default=100, help="refuse more (default 100)")
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
    audio = args.dump / "audio" / args.name
    if not (audio / "wav.scp").is_file():
        raise FadError(f"{audio}: missing or not complete: run stage 2 (dump) for this set")
    from fad.data import frame_dump
    from fad.data.sources import AudioSource
    from fad.detector import build_detector
    from fad.encoders.checkpoint import pretrained_sha256

    detector = build_detector(config, args.pretrained)
    if not detector.frontend_is_fixed:
        logging.info("%s trains from audio: no frames to store", config["adaptation"])
        return
    encoder = detector.encoder.eval()
    about = frame_dump.description(args.pretrained, pretrained_sha256(args.pretrained), audio)
    out = frame_dump.dump_dir(args.dump, args.pretrained, args.name)
    if frame_dump.is_complete(out, about):
        logging.info("%s: there already", out)
        return
    source = AudioSource(audio, encoder.config.grid, encoder.config.normalize)
    if args.combine:
        frame_dump.combine(source, out, args.nj, about)
        return
    frame_dump.announce(encoder, source, out, args.nj, args.max_dump_gb)
    frame_dump.dump_job(encoder, source, out, args.job, args.nj)


if __name__ == "__main__":
    run(main)
