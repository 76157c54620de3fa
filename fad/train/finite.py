"""A loss or a gradient that is not finite ends training, with the clips of its batch."""

from collections.abc import Iterable, Sequence

import torch

from fad.data.batches import Batch
from fad.utils.errors import FadError


def check_finite(
    what: str, value: torch.Tensor, group: Iterable[Batch], utts: Sequence[str], step: int
) -> None:
    """Checks one number of a step.

    Args:
        what: its name.
        value: (), on any device.
        group: the batches that it was computed from.
        utts: all utterances of the training set.
        step: the number of steps before.

    Raises:
        FadError: it is NaN or infinite.
    """
    if not torch.isfinite(value):
        indices = [index for batch in group for index in batch.indices]
        names = ", ".join(utts[index] for index in indices) or "no clip here"
        raise FadError(
            f"{what} is {value.item()} at step {step + 1}; the batch has {names}; look at those "
            "clips, lower train.lr, or set train.precision=fp32"
        )
