"""Stage 4: scores a dumped set."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fad.config.plugins import add_plugin_option
from fad.dump.jobs import add_job_options, check_job, end_is_done, left_to_do
from fad.dump.shards import audio_parts
from fad.experiment.directory import ExperimentDir
from fad.experiment.scores import describe_scoring, record_scoring, why_not_scored
from fad.experiment.training_data import check_same_data
from fad.inference.options import add_model_options, scoring_mode
from fad.utils.cli import run
from fad.utils.errors import FadError

DESCRIPTION = """\
Writes `utt score` for every utterance of a dumped set, sorted; higher means bona fide. No labels
are read and none are written. A job that is called again goes on where it ended.

    python -m fad.bin.score_set --model exp/lora --audio dump/audio/eval \\
        --out exp/lora/scores/eval
    python -m fad.bin.score_set --model exp/lora --audio dump/audio/eval \\
        --out exp/lora/scores/eval --combine true
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.score_set",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model_options(parser)
    add_plugin_option(parser)
    parser.add_argument("--audio", type=Path, required=True, help="a dump/audio/<set>")
    parser.add_argument("--out", type=Path, required=True, help="the score file")
    add_job_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Scores one job's share, or joins all.

    Raises:
        FadError: the model or the dump cannot be read.
    """
    args = get_parser().parse_args(argv)
    check_job(args)
    if not (args.audio / "wav.scp").is_file():
        raise FadError(f"{args.audio}: missing or not complete: run stage 2 (dump) for this set")
    model, mode = ExperimentDir(args.model), scoring_mode(args)
    model.check_model()
    model.check_own()
    check_same_data(model, args.out, args.audio)
    if args.is_done:
        end_is_done(why_not_scored(model, args.out, args.audio, mode))
    parts = audio_parts(args.out, args.audio, describe_scoring(model, mode))
    if args.combine:
        parts.check_done(args.nj)
        parts.join()
        parts.remove()
        record_scoring(model, args.out, args.audio, mode)
    elif left := left_to_do(len(parts.shards), args.job, args.nj, parts.is_done):
        from fad.inference.set_scoring import score_audio
        from fad.utils.devices import choose_device

        shards, device = [parts.shard(number) for number in left], choose_device(args.ngpu)
        found = score_audio(model, args.pretrained, args.audio, shards, device, mode)
        for number, scores in zip(left, found, strict=True):
            parts.write(number, scores)


if __name__ == "__main__":
    run(main)
