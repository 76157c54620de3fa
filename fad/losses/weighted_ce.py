"""Class-weighted cross-entropy."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.utils.errors import FadError


class WeightedCrossEntropy(nn.Module):
    """Cross-entropy where each class has a weight; sums, not means.

    The caller divides by the sum of weights over the whole step (all its batches), so that the
    result does not depend on how a step is split.

    Args:
        weights: `balanced` (each class counts for half), or [weight of spoof, weight of bonafide].
        class_counts: training utterances of spoof and of bonafide, for `balanced`.

    Raises:
        FadError: weights of another kind, or a class without utterances.
    """

    def __init__(self, weights: str | list[float], class_counts: tuple[int, int]) -> None:
        super().__init__()
        if 0 in class_counts:
            raise FadError(
                f"training data has {class_counts[0]} spoof and {class_counts[1]} "
                "bona fide utterances: both classes are needed"
            )
        if weights == "balanced":
            weights = [sum(class_counts) / (2 * count) for count in class_counts]
        good = (
            isinstance(weights, list)
            and len(weights) == 2
            and all(type(value) in (int, float) and 0 < value < math.inf for value in weights)
        )
        if not good:
            raise FadError(
                f"loss_conf: weights is {weights}; give 'balanced' or two positive numbers"
            )
        self.register_buffer("weights", torch.tensor(weights, dtype=torch.float32))

    def weight_of(self, labels: Tensor) -> Tensor:
        """labels (B,) -> the weight of each example (B,)."""
        return self.weights[labels]

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """logits (B, 2), labels (B,) -> each example's weighted loss (B,)."""
        loss = F.cross_entropy(logits.float(), labels, reduction="none")
        return self.weight_of(labels) * loss
