"""The contract of an adaptation method."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from fad.encoders.base import Encoder
from fad.encoders.boundary import Boundary
from fad.utils.errors import FadError


class NotMergeable(Exception):
    """The method's update cannot be folded into a plain encoder; the text says why."""


@dataclass
class TrainState:
    """What a method may read, or change, after an optimizer step.

    Attributes:
        step: optimizer steps done.
        total_steps: of the whole training.
        optimizer, schedule: those of the training, of all that trains.
    """

    step: int
    total_steps: int
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler


class Adaptation:
    """A way to adapt a pre-trained encoder.

    `attach` freezes the encoder, then wraps or unfreezes what the method trains. A method owns its
    parameters: `owned` has the objects themselves, by their names in the encoder.

    Attributes:
        averageable: whether the mean of the weights of several epochs is such a model too.
    """

    encoder: Encoder
    averageable = True

    def attach(self, encoder: Encoder) -> None:
        """Freezes `encoder`, then puts the method into it, in place.

        Raises:
            FadError: the method finds nothing to adapt.
        """
        self.encoder = encoder
        encoder.requires_grad_(False)
        self._wrap(encoder)

    def _wrap(self, encoder: Encoder) -> None:
        """Puts the method into the frozen encoder; by default nothing."""

    def start(self, base_sha256: Callable[[], str]) -> None:
        """Computes initial values that take too long for `attach`.

        Called after `attach` when a training begins. When values are loaded, `skip_start` is called
        instead; when parameters are only counted, neither.

        Args:
            base_sha256: gives the sha256 of the pre-trained file; it takes seconds.

        Raises:
            FadError: a file that the values come from cannot be used.
        """

    def skip_start(self) -> None:
        """Frees what only `start` needs."""

    def files(self) -> dict[str, Path]:
        """The files that `start` reads and that exist, by the key of the config."""
        return {}

    def owned(self) -> dict[str, nn.Parameter]:
        """The parameters that the method trains, by their names in the encoder."""
        return {}

    def trainable(self) -> list[nn.Parameter]:
        """The parameters that the method trains."""
        return list(self.owned().values())

    def saved(self) -> dict[str, Tensor]:
        """State to resume training: every tensor the method changes, by name, not copied."""
        return dict(self.owned())

    def exported(self) -> dict[str, Tensor]:
        """State to score, by name, as `best.safetensors` holds it."""
        return self.saved()

    def imported(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The state of `exported` in the form of `saved`; other entries stay as they are."""
        return state

    @property
    def is_complete(self) -> bool:
        """Whether the model has the form that the method promises; only then may it be the best."""
        return True

    @property
    def num_outputs(self) -> int:
        """The number of outputs that the back-end gets."""
        return len(self.encoder.wanted)

    def outputs(self, hidden: list[Tensor], lens: Tensor) -> list[Tensor]:
        """The inputs of the back-end: the encoder's wanted outputs, or others made from them.

        Args:
            hidden: a list of (B, T, D).
            lens: (B,) frames in each utterance.

        Returns:
            `num_outputs` of (B, T, D).
        """
        return hidden

    @property
    def boundary(self) -> Boundary:
        """Up to where the encoder stays a fixed function of the audio."""
        raise NotImplementedError

    def after_step(self, state: TrainState) -> None:
        """Called after each optimizer step, for methods with a schedule of their own."""

    def set_compute_factor(self, factor: int) -> None:
        """Sets how much scoring may save, at some loss of accuracy; called on a loaded model.

        Args:
            factor: 1 saves nothing; more saves more, in the units of the method.

        Raises:
            FadError: this method, or the model as it was trained, has no such factor.
        """
        if factor != 1:
            raise FadError(
                f"--compute {factor}: the method {type(self).__name__} has only one cost: leave it "
                "out"
            )

    def merge(self) -> Encoder:
        """Folds the update into the encoder, in place, and returns it as a plain encoder.

        Raises:
            NotMergeable: the update is not of that kind.
        """
        raise NotImplementedError
