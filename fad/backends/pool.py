"""`pool`: learned layer weights, statistics over time, one linear layer."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.masks import length_mask


class Pool(nn.Module):
    """Logits from the mean and standard deviation over time of a weighted sum of layers.

    The weights are a softmax over the layers given (as in SUPERB, arXiv 2105.01051), each layer
    normalised first so that none dominates by its scale. The statistics are centred and scaled by
    constants that `condition` finds before training (a data-dependent initialisation, as in
    arXiv 1602.07868): what all utterances have in common is far larger than what tells them apart,
    and a linear layer on that learns slowly. Unlike batch normalisation, a result never depends on
    the batch or on the number of processes.

    Args:
        dim: the width D of the encoder's outputs.
        num_layers: how many outputs the encoder gives.

    Attributes:
        equal_lengths: whether the utterances of a batch must have one length; padding is masked.
    """

    equal_lengths = False

    def __init__(self, dim: int, num_layers: int) -> None:
        super().__init__()
        self.layer_weights = nn.Parameter(torch.zeros(num_layers))
        self.classify = nn.Linear(2 * dim, 2)
        self.register_buffer("centre", torch.zeros(2 * dim))
        self.register_buffer("scale", torch.ones(2 * dim))

    def pool(self, hidden: list[Tensor], lens: Tensor) -> Tensor:
        """Encoder outputs, each (B, T, D), with lens (B,) frames -> (B, 2 D); padding is masked."""
        weights = self.layer_weights.softmax(0)
        x = sum(
            weight * F.layer_norm(layer.float(), layer.shape[-1:])
            for weight, layer in zip(weights, hidden, strict=True)
        )
        keep = length_mask(lens, x.shape[1])
        mask = torch.ones_like(x[..., :1]) if keep is None else keep[..., None].to(x.dtype)
        count = mask.sum(1)
        mean = (x * mask).sum(1) / count
        variance = ((x - mean[:, None]).square() * mask).sum(1) / count
        return torch.cat([mean, (variance + 1e-8).sqrt()], dim=-1)

    @torch.no_grad()
    def condition(self, outputs: Iterable[tuple[list[Tensor], Tensor]]) -> None:
        """Sets the constants from the encoder's outputs for some training utterances.

        Args:
            outputs: batches of what `forward` takes; one is held at a time.
        """
        pooled = torch.cat([self.pool(hidden, lens) for hidden, lens in outputs])
        self.centre.copy_(pooled.mean(0))
        self.scale.copy_(pooled.std(0, correction=0).clamp(min=1e-3))

    def forward(self, hidden: list[Tensor], lens: Tensor) -> Tensor:
        """Classifies.

        Args:
            hidden: encoder outputs, each (B, T, D).
            lens: (B,) frames in each.

        Returns:
            logits (B, 2): spoof, bonafide.
        """
        return self.classify((self.pool(hidden, lens) - self.centre) / self.scale)
