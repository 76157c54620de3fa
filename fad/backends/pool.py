"""`pool`: learned layer weights, statistics over time, one linear layer."""

import torch
from torch import Tensor, nn

from fad.masks import length_mask


class Pool(nn.Module):
    """Logits from the mean and standard deviation over time of a weighted sum of layers.

    The weights are a softmax over the layers given (as in SUPERB, arXiv 2105.01051), each layer
    normalised first so that none dominates by its scale.

    Args:
        dim: the width D of the encoder's outputs.
        num_layers: how many outputs the encoder gives.
    """

    def __init__(self, dim: int, num_layers: int) -> None:
        super().__init__()
        self.layer_weights = nn.Parameter(torch.zeros(num_layers))
        self.classify = nn.Linear(2 * dim, 2)

    def forward(self, hidden: list[Tensor], lens: Tensor) -> Tensor:
        """Classifies; padding is masked.

        Args:
            hidden: encoder outputs, each (B, T, D).
            lens: (B,) frames in each.

        Returns:
            logits (B, 2): spoof, bonafide.
        """
        weights = self.layer_weights.softmax(0)
        x = sum(
            weight * nn.functional.layer_norm(layer.float(), layer.shape[-1:])
            for weight, layer in zip(weights, hidden, strict=True)
        )
        keep = length_mask(lens, x.shape[1])
        mask = torch.ones_like(x[..., :1]) if keep is None else keep[..., None].to(x.dtype)
        count = mask.sum(1)
        mean = (x * mask).sum(1) / count
        variance = ((x - mean[:, None]).square() * mask).sum(1) / count
        return self.classify(torch.cat([mean, (variance + 1e-8).sqrt()], dim=-1))
