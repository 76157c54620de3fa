"""Scores recordings one after another; one that cannot be read does not keep the rest back."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from fad.data.audio import SAMPLE_RATE, read_audio
from fad.data.level import SHORTEST
from fad.inference.decision import Decision, Score
from fad.inference.output import Output
from fad.inference.scoring import check_finite, score_waveform
from fad.models.detector import Detector
from fad.utils.errors import FadError

WINDOW = ("start", "end")  # columns, in seconds


def score_recordings(
    detector: Detector,
    files: Iterable[Path | FadError],
    device: torch.device,
    answer: Score | Decision,
    output: Output,
    window: float | None,
) -> None:
    """Writes a line for each file, or for each of its windows.

    Args:
        detector: on its device.
        files: in the order of the output; an error in place of what cannot be found.
        device: where to score.
        answer: what is said of a score.
        output: where it is written.
        window: seconds of each window; None for whole files.

    Raises:
        FadError: the window is shorter than a frame; or files could not be read, after the rest was
            scored.
    """
    if window is not None and window * SAMPLE_RATE < SHORTEST:
        raise FadError(f"--window {window:g}: give at least {SHORTEST / SAMPLE_RATE:g} seconds")
    bad = total = 0
    for path in files:
        total += 1
        try:
            if isinstance(path, FadError):
                raise path
            for place, wav in _parts(read_audio(path), window):
                score = score_waveform(detector, wav, device)
                check_finite([str(path)], np.array([score]))
                output.write(path, [*place, *answer.of(score)])
        except FadError as error:
            logging.error("%s", error)
            bad += 1
    if bad:
        raise FadError(f"{bad} of {total} files have no score: see the errors above")


def _parts(wav: np.ndarray, window: float | None) -> Iterator[tuple[list[str], np.ndarray]]:
    """The waveform (S,), or each of its windows with its start and end in seconds.

    The last window ends with the waveform, and so may overlap the one before.
    """
    if window is None:
        yield [], wav
        return
    size = round(window * SAMPLE_RATE)
    for start in range(0, len(wav), size):
        first = max(0, min(start, len(wav) - size))
        part = wav[first : first + size]
        yield [f"{edge / SAMPLE_RATE:.3f}" for edge in (first, first + len(part))], part
