"""Stage 2: decodes the audio of a data directory to 16 kHz mono, in jobs."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fad.dump.jobs import add_job_options, check_job, end_is_done
from fad.utils.cli import run

DESCRIPTION = """\
Decodes every clip of a data directory. A clip that is already 16 kHz mono 16-bit WAV or FLAC is
listed by its path; any other is written as FLAC to OUT/flac. Run each job, then combine. A job that
is run again continues where it ended.

  python -m fad.bin.dump_audio --data data/train --out dump/audio/train --job 1 --nj 2
  python -m fad.bin.dump_audio --data data/train --out dump/audio/train --job 2 --nj 2
  python -m fad.bin.dump_audio --data data/train --out dump/audio/train --combine true --nj 2

The last makes OUT/wav.scp, OUT/utt2num_samples and the other tables, and lists the bad clips.
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.dump_audio",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="data directory to read")
    parser.add_argument("--out", type=Path, required=True, help="directory of the dump")
    add_job_options(parser)
    parser.add_argument(
        "--on_error",
        choices=("stop", "skip"),
        default="stop",
        help="what --combine does when clips cannot be read; each job tries all of its clips "
        "(default stop)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Runs one job, or joins all.

    Raises:
        FadError: See `fad.dump.audio`; also a job that is not within 1 and nj.
    """
    args = get_parser().parse_args(argv)
    check_job(args)
    skip_bad = args.on_error == "skip"
    if args.is_done:
        from fad.dump.made_from import why_stale

        end_is_done(why_stale(args.data, args.out, skip_bad))
    from fad.dump.audio import combine, dump_job

    if args.combine:
        combine(args.data, args.out, args.nj, skip_bad)
    else:
        dump_job(args.data, args.out, args.job, args.nj)


if __name__ == "__main__":
    run(main)
