"""Stage 4: scores a dumped set."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fad.cli import run
from fad.data import tables
from fad.data.jobs import add_job_options, check_job, combine_parts, part_path, share
from fad.errors import FadError
from fad.model_options import add_model_options, manner
from fad.report.scored import record_weights

DESCRIPTION = """\
Writes `utt score` for every utterance of a dumped set, sorted; higher means bona fide. No labels
are read and none are written.

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
    if args.combine:
        combine_parts(args.out, args.nj, manner(args))
        record_weights(args.model, args.out, manner(args))
        return
    if not (args.audio / "wav.scp").is_file():
        raise FadError(f"{args.audio}: missing or not complete: run stage 2 (dump) for this set")
    from fad.data.sources import AudioSource
    from fad.devices import choose_device
    from fad.loading import load_for_scoring
    from fad.scoring import check_finite, log_ratio, predict

    device = choose_device(args.ngpu)
    detector = load_for_scoring(args.model, args.pretrained, device, args.precision, args.compute)
    config = detector.encoder.config
    source = AudioSource(args.audio, config.grid, config.normalize)
    indices = list(share(range(len(source.utts)), args.job, args.nj))
    scores = log_ratio(predict(detector, source, indices, device, desc=args.out.name))
    utts = [source.utts[index] for index in indices]
    check_finite(utts, scores)
    tables.write_table(
        part_path(args.out, args.job, args.nj, manner(args)),
        {utt: f"{score:.6f}" for utt, score in zip(utts, scores, strict=True)},
    )


if __name__ == "__main__":
    run(main)
