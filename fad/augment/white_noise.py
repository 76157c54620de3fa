"""White noise at a signal-to-noise ratio."""

import numpy as np

from fad.augment.base import Augmentation
from fad.utils.errors import FadError


class WhiteNoise(Augmentation):
    """Adds Gaussian noise: x + n, with a signal-to-noise ratio drawn uniformly in decibels.

    The ratio is 10 log10(sum x^2 / sum n^2), exact in each utterance. Silence stays silent.

    Args:
        snr: [lowest, highest] in dB.
        probability: the share of utterances that it changes.

    Raises:
        FadError: `snr` is not a range within -100 to 100 dB.
    """

    def __init__(self, snr: list[float], probability: float = 1.0) -> None:
        super().__init__(probability)
        numbers = isinstance(snr, list) and all(type(value) in (int, float) for value in snr)
        if not numbers or len(snr) != 2 or not -100 <= snr[0] <= snr[1] <= 100:
            raise FadError(f"augment: snr is {snr}; give [lowest, highest] in dB, such as [10, 40]")
        self.snr = snr

    def __call__(self, wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(S,) float32 -> (S,) float32."""
        low, high = self.snr
        snr = rng.uniform(low, high)
        noise = rng.standard_normal(len(wav), dtype=np.float32)
        loudness = max(np.linalg.norm(noise), np.float32(1e-12))
        size = np.linalg.norm(wav) / loudness * 10 ** (-snr / 20)
        return wav + np.float32(size) * noise
