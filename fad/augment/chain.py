"""Augmentations one after another."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fad.augment.base import Augmentation
from fad.config import registry
from fad.utils.errors import FadError


def new_chain(config: dict[str, Any]) -> "Chain | None":
    """The augmentations that a resolved config names; None where there are none.

    Raises:
        FadError: a value of one is out of range.
    """
    names = config["augment"]
    found = [registry.get("augment", name)(**conf) for name, conf in names.items()]
    return Chain(found, config["train"]["seed"]) if found else None


class Chain:
    """Augmentations one after another.

    Each draws from (seed, epoch, utterance, place in the chain) and from nothing else: a run that
    was killed goes on to the same audio, whoever reads it.

    Args:
        augmentations: in the order in which they act.
        seed: of the draws.
    """

    def __init__(self, augmentations: Sequence[Augmentation], seed: int) -> None:
        self.augmentations, self.seed = augmentations, seed

    def __call__(self, wav: np.ndarray, epoch: int, index: int) -> np.ndarray:
        """The audio (S,) of utterance `index` -> its audio (S,) in an epoch.

        Raises:
            FadError: an augmentation changed the length.
        """
        for place, augmentation in enumerate(self.augmentations):
            # One word more than the crops' draws, so that neither follows the other.
            rng = np.random.default_rng([self.seed, epoch, index, place])
            if rng.random() >= augmentation.probability:
                continue
            changed = augmentation(wav, rng)
            if changed.shape != wav.shape:
                name = type(augmentation).__name__
                raise FadError(f"augment: {name} made {wav.shape} samples {changed.shape}")
            wav = changed.astype(np.float32, copy=False)
        return wav
