"""Class-weighted cross-entropy."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from fad.losses.base import Loss
from fad.utils.errors import FadError

BALANCED = "balanced"


class WeightedCrossEntropy(Loss):
    """Cross-entropy of the logits, where each class has a weight.

    Args:
        embed_dim: not used.
        weights: `balanced` (each class counts for half), or [weight of spoof, weight of bonafide].

    Raises:
        FadError: weights of another kind, or (in `init_from_data`) a class without utterances.
    """

    weights: Tensor

    def __init__(self, embed_dim: int, weights: str | list[float]) -> None:
        super().__init__(embed_dim)
        if weights != BALANCED and not _are_weights(weights):
            raise FadError(
                f"loss_conf: weights is {weights}; give 'balanced' or two positive numbers"
            )
        self.balanced = weights == BALANCED
        values = torch.ones(2) if self.balanced else torch.tensor(weights, dtype=torch.float32)
        # Not saved: the config and the training data say it.
        self.register_buffer("weights", values, persistent=False)

    def init_from_data(self, class_counts: tuple[int, int]) -> None:
        """Sets balanced weights from the training utterances of spoof and of bonafide."""
        if 0 in class_counts:
            raise FadError(
                f"training data has {class_counts[0]} spoof and {class_counts[1]} "
                "bona fide utterances: both classes are needed"
            )
        if self.balanced:
            values = [sum(class_counts) / (2 * count) for count in class_counts]
            self.weights.copy_(torch.tensor(values, dtype=torch.float32))

    def weight_of(self, labels: Tensor) -> Tensor:
        """Labels (B,) -> the weight of each example (B,)."""
        return self.weights[labels]

    def forward(self, embedding: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Embedding (B, E), not used; logits (B, 2), labels (B,) -> each weighted loss (B,)."""
        loss = F.cross_entropy(logits.float(), labels, reduction="none")
        return self.weight_of(labels) * loss


def _are_weights(weights: object) -> bool:
    return (
        isinstance(weights, list)
        and len(weights) == 2
        and all(type(value) in (int, float) and 0 < value < math.inf for value in weights)
    )
