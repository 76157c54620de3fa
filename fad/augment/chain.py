"""Augmentations one after another."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fad.augment.base import Augmentation
from fad.config import registry
from fad.utils.errors import FadError


def new_chain(config: dict[str, Any]) -> "Chain | None":
    """The augmentations of a resolved config; None if there are none.

    Raises:
        FadError: a value of one is out of range.
    """
    names = config["augment"]
    found = [registry.get("augment", name)(**conf) for name, conf in names.items()]
    return Chain(found, config["train"]["seed"]) if found else None


class Chain:
    """Augmentations one after another.

    The draws of each depend only on seed, epoch, utterance and its place in the chain. So a resumed
    run gets the same audio, in any data worker.

    Args:
        augmentations: in the order in which they act.
        seed: of the draws.
    """

    def __init__(self, augmentations: Sequence[Augmentation], seed: int) -> None:
        self.augmentations, self.seed = augmentations, seed

    def __call__(self, wav: np.ndarray, epoch: int, index: int) -> np.ndarray:
        """Augments the audio of an utterance in an epoch.

        Args:
            wav: (S,) float32 at 16 kHz.
            epoch: the epoch.
            index: the utterance's number in its set.

        Returns:
            (S,) float32.

        Raises:
            FadError: an augmentation changed the length.
        """
        for place, augmentation in enumerate(self.augmentations):
            # The key has one more number than that of the crops, so the draws are independent.
            rng = np.random.default_rng([self.seed, epoch, index, place])
            if rng.random() >= augmentation.probability:
                continue
            changed = augmentation(wav, rng)
            if changed.shape != wav.shape:
                name = type(augmentation).__name__
                raise FadError(f"augment: {name} made {wav.shape} samples {changed.shape}")
            wav = changed.astype(np.float32, copy=False)
        return wav
