"""The base class of augmentations."""

from abc import ABC, abstractmethod

import numpy as np

from fad.utils.errors import FadError


class Augmentation(ABC):
    """Changes the audio of a training utterance, before normalisation and cropping.

    The keys of a subclass in the config are the arguments of its constructor.

    Args:
        probability: the share of utterances that it changes.

    Raises:
        FadError: `probability` is not between 0 and 1.
    """

    def __init__(self, probability: float = 1.0) -> None:
        if type(probability) not in (int, float) or not 0 <= probability <= 1:
            raise FadError(f"augment: probability is {probability}; give a number from 0 to 1")
        self.probability = probability

    @abstractmethod
    def __call__(self, wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Changes an utterance.

        Args:
            wav: (S,) float32 at 16 kHz; it must not be changed in place.
            rng: the only source of randomness.

        Returns:
            (S,) float32, as long as `wav` and aligned with it in time.
        """
