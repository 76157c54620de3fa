"""The contract of an adaptation method."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from fad.encoders.boundary import Boundary
from fad.utils.errors import FadError


class NotMergeable(Exception):
    """The method's update cannot be folded into a plain encoder; the text says why."""


@dataclass
class TrainState:
    """What a method may look at, or change, after an optimiser step."""

    step: int
    total_steps: int
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler


class Adaptation:
    """A way to adapt a pre-trained encoder.

    `attach` freezes the encoder and then wraps or unfreezes what the method trains. A method knows
    its parameters by ownership: `owned` has the very objects, under their names in the encoder.

    Attributes:
        averageable: whether the mean of the weights of several epochs is such a model too.
    """

    encoder: nn.Module
    averageable = True

    def attach(self, encoder: nn.Module) -> None:
        """Freezes `encoder`, then puts the method into it, in place.

        Raises:
            FadError: the method finds nothing to adapt.
        """
        self.encoder = encoder
        encoder.requires_grad_(False)
        self._wrap(encoder)

    def _wrap(self, encoder: nn.Module) -> None:
        """Puts the method into the frozen encoder; nothing where nothing is added."""

    def start(self, base_sha256: Callable[[], str]) -> None:
        """Gives what trains its first values, where `attach` does not: where they take long.

        Called after `attach`, but not where values are loaded (`skip_start` is) or none are asked
        for.

        Args:
            base_sha256: gives the sha256 of the pre-trained file; it takes seconds.

        Raises:
            FadError: what they come from cannot be used.
        """

    def skip_start(self) -> None:
        """Lets go of what `start` alone needs."""

    def files(self) -> dict[str, Path]:
        """The files that `start` reads, those that are there, by the key of the config."""
        return {}

    def owned(self) -> dict[str, nn.Parameter]:
        """The parameters that the method trains, by their names in the encoder."""
        return {}

    def trainable(self) -> list[nn.Parameter]:
        """The parameters that the method trains."""
        return list(self.owned().values())

    def saved(self) -> dict[str, Tensor]:
        """What resuming needs of the method, by name: the very tensors, all in it that changes."""
        return dict(self.owned())

    def exported(self) -> dict[str, Tensor]:
        """What scoring needs of it, by name, as `best.safetensors` holds it."""
        return self.saved()

    def imported(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """What `exported` gave as values for `saved`; what is not of that kind stays as it is."""
        return state

    @property
    def is_complete(self) -> bool:
        """Whether this is the model that the method promises; else no epoch is the best yet."""
        return True

    @property
    def num_outputs(self) -> int:
        """How many outputs the back-end gets."""
        return len(self.encoder.wanted)

    def outputs(self, hidden: list[Tensor], lens: Tensor) -> list[Tensor]:
        """What the back-end gets: the encoder's wanted outputs, or what the method makes of them.

        Args:
            hidden: (B, T, D) each.
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
        """Called after each optimiser step; methods with a schedule of their own act here."""

    def choose_compute(self, factor: int) -> None:
        """Has scoring compute less, at some loss of accuracy; 1 is all that there is to compute.

        Raises:
            FadError: this method, or the model as it was trained, has no such setting.
        """
        if factor != 1:
            raise FadError(
                f"--compute {factor}: only a model of the method 'stochastic' can compute less: "
                "leave it out"
            )

    def merge(self) -> nn.Module:
        """Folds the update into the encoder, in place, and returns it as a plain encoder.

        Raises:
            NotMergeable: the update is not of that kind.
        """
        raise NotImplementedError
