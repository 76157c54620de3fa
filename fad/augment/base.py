"""What every augmentation is."""

from abc import ABC, abstractmethod

import numpy as np

from fad.utils.errors import FadError


class Augmentation(ABC):
    """A change of a training utterance's audio, before it is normalised and cropped.

    A subclass takes its own keys of the config as arguments of its constructor.

    Args:
        probability: the share of the utterances that it changes.

    Raises:
        FadError: `probability` is no share.
    """

    def __init__(self, probability: float = 1.0) -> None:
        if type(probability) not in (int, float) or not 0 <= probability <= 1:
            raise FadError(f"augment: probability is {probability}; give a number from 0 to 1")
        self.probability = probability

    @abstractmethod
    def __call__(self, wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Changes an utterance.

        Args:
            wav: (S,) float32 at 16 kHz; it must stay as it is.
            rng: the only source of chance.

        Returns:
            (S,) float32, as long as `wav` and aligned with it in time.
        """
