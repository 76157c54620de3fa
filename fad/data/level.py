"""Clips with little in them: warned of, and scaled up where 16 bits would lose them."""

import logging
from functools import cache

import numpy as np

SAMPLE_RATE = 16000  # Hz, what XLS-R was trained on
SHORTEST = 400  # samples: one frame of the encoder
FAINTEST = 2**-9  # peak, -54 dB: below, 16 bits have fewer than 64 steps on each side of zero
QUIETEST = 1e-4  # mean square, -40 dB: below, fairseq's normalisation adds 10 % of it (1e-5)

logger = logging.getLogger(__name__)


def with_level(name: str, wav: np.ndarray) -> np.ndarray:
    """Warns of a clip with little in it; scales a very quiet one up to full scale.

    A peak below -54 dB is scaled: else stage 2 would store little but rounding, and models that
    normalise would see mostly their constant. Between that and a mean square of -40 dB the clip
    stays as it is, since fairseq's models were trained on such clips so.

    Args:
        name: of the clip, for messages.
        wav: (S,) float32 at 16 kHz, finite, S >= 1.

    Returns:
        (S,) float32.
    """
    peak = float(np.abs(wav).max())
    if not peak:
        _warn(name, "nothing but zeros: is it the file that was meant?")
        return wav
    if len(wav) < SHORTEST:
        length = 1000 * len(wav) / SAMPLE_RATE
        _warn(name, f"only {length:.2f} ms of sound: its score means nothing")
    if peak < FAINTEST:
        level = 20 * np.log10(peak)
        _warn(name, f"very quiet (peak {level:.0f} dB): scaled up to full scale")
        return (wav / np.float64(peak)).astype(np.float32)
    if (power := float(np.mean(np.square(wav, dtype=np.float64)))) < QUIETEST:
        level = 10 * np.log10(power)
        _warn(name, f"very quiet ({level:.0f} dB): its score depends on its level")
    return wav


@cache
def _warn(name: str, what: str) -> None:
    """Warns once in each process, since training may read a file every epoch."""
    logger.warning("%s: %s", name, what)
