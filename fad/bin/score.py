"""Scores audio files with a trained model."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from fad.config.plugins import add_plugin_option
from fad.inference.decision import add_answer_options, read_answer
from fad.inference.options import add_model_options
from fad.utils.cli import run
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
score for two hours says little about a short spoofed part: cut out what you suspect. Files that
cannot be read are named on standard error; the others are scored, and the exit code is 1.
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
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="audio to score")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Scores the files in their order; one that cannot be read does not keep the rest back.

    Raises:
        FadError: the model cannot be read, or files could not, after the rest was scored.
    """
    args = get_parser().parse_args(argv)
    answer = read_answer(args)
    import numpy as np

    from fad.data.audio import read_audio
    from fad.inference.loading import load_for_scoring
    from fad.inference.scoring import check_finite, score_waveform
    from fad.utils.devices import choose_device

    device = choose_device(args.ngpu)
    detector = load_for_scoring(args.model, args.pretrained, device, args.precision, args.compute)
    logging.info("path, %s; higher = bona fide", answer.columns)
    bad = 0
    for path in args.files:
        try:
            score = score_waveform(detector, read_audio(path), device)
            check_finite([str(path)], np.array([score]))
            print(f"{path}\t{answer.of(score)}", flush=True)
        except FadError as error:
            logging.error("%s", error)
            bad += 1
    if bad:
        raise FadError(f"{bad} of {len(args.files)} files have no score: see the errors above")


if __name__ == "__main__":
    run(main)
