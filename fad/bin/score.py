"""Scores audio files with a trained model."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from fad.config.plugins import add_plugin_option
from fad.inference.decision import add_answer_options, read_answer
from fad.inference.files import audio_files
from fad.inference.options import add_model_options
from fad.inference.output import FORMATS, Output
from fad.utils.cli import parse_positive, run
from fad.utils.errors import FadError

DESCRIPTION = """\
Prints a path and a score for each audio file, of any format and rate.

    python -m fad.bin.score --model exp/lora a.wav b.flac

HIGHER MEANS BONA FIDE. A score is logit[bonafide] - logit[spoof]; the model's RESULTS.md has the
threshold of equal error rates on each test set. With --calibrated true the score becomes a
log-likelihood ratio in nats, by the calibration.json that stage 4 fitted on the dev set, and
`bonafide` or `spoof` follows: the decision that costs least at this prior and these costs, on
recordings like those of the dev set.

    python -m fad.bin.score --model exp/lora --calibrated true --p_spoof 0.5 --c_fa 1 a.wav

A recording may have any length: over 64 s it is scored in windows, whose logits are averaged. One
score for two hours says little about a short spoofed part: --window 4 scores each 4 seconds. Files
that cannot be read are named on standard error; the others are scored, and the exit code is 1.
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.score",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model_options(parser)
    add_plugin_option(parser)
    add_answer_options(parser)
    add = parser.add_argument
    add("--list", type=Path, metavar="FILE", help="a text file with one path a line, to score too")
    add("--window", type=parse_positive, metavar="SECONDS", help="a line for each window this long")
    add("--format", choices=FORMATS, default="text", help="of the output (default text: tabs)")
    add("files", nargs="*", type=Path, metavar="FILE", help="audio to score, or a folder of it")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Scores the files in their order; one that cannot be read does not keep the rest back.

    Raises:
        FadError: the model cannot be read, or files could not, after the rest was scored.
    """
    args = get_parser().parse_args(argv)
    if not args.files and args.list is None:
        raise FadError("give audio files, a folder, or --list FILE")
    answer = read_answer(args)
    from fad.inference.loading import load_for_scoring
    from fad.inference.recordings import WINDOW, score_recordings
    from fad.utils.devices import choose_device

    device = choose_device(args.ngpu)
    detector = load_for_scoring(args.model, args.pretrained, device, args.precision, args.compute)
    columns = [*(WINDOW if args.window else ()), *answer.columns]
    logging.info("path, %s; higher = bona fide", ", ".join(columns))
    output, files = Output(args.format, columns), audio_files(args.files, args.list)
    score_recordings(detector, files, device, answer, output, args.window)


if __name__ == "__main__":
    run(main)
