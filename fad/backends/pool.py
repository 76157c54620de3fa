"""`pool`: learned layer weights, statistics over time, one linear layer."""

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.backends.base import Backend
from fad.utils.masks import padding_mask

_EPS = 1e-5  # of the layers' normalisation, as torch's own


class _SumOfNorms(torch.autograd.Function):
    """sum_l w_l norm(h_l), with norm(h) of zero mean and unit variance over the last axis.

    The normalised layers are computed again in the backward pass: kept, they would be as much
    memory as the encoder's outputs, for what is a few percent of its time.
    """

    @staticmethod
    def forward(ctx: Any, weights: Tensor, *hidden: Tensor) -> Tensor:
        """weights (L,), L of (B, T, D) -> (B, T, D)."""
        ctx.save_for_backward(weights, *hidden)
        total = torch.zeros_like(hidden[0])
        for weight, layer in zip(weights, hidden, strict=True):
            total.addcmul_(weight, F.layer_norm(layer, layer.shape[-1:], eps=_EPS))
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of the weights and of each layer that asks for one."""
        weights, *hidden = ctx.saved_tensors
        of_weights, of_layers = torch.empty_like(weights), []
        for number, layer in enumerate(hidden):
            shape = layer.shape[-1:]
            normed, mean, rstd = torch.native_layer_norm(layer, shape, None, None, _EPS)
            of_weights[number] = (grad * normed).sum()
            if ctx.needs_input_grad[number + 1]:
                wanted = [True, False, False]
                of_layer, _, _ = torch.ops.aten.native_layer_norm_backward(
                    weights[number] * grad, layer, shape, mean, rstd, None, None, wanted
                )
                of_layers.append(of_layer)
            else:
                of_layers.append(None)
        return of_weights, *of_layers


class Pool(Backend):
    """Logits from the mean and standard deviation over time of a weighted sum of layers.

    The weights are a softmax over the layers given (as in SUPERB, arXiv 2105.01051), each layer
    normalised first so that none dominates by its scale. The statistics are centred and scaled by
    constants that `init_from_data` finds before training (a data-dependent initialisation, as in
    arXiv 1602.07868): what all utterances have in common is far larger than what tells them apart,
    and a linear layer on that learns slowly. Unlike batch normalisation, a result never depends on
    the batch or on the number of processes.

    Args:
        dim: the width D of the encoder's outputs.
        num_layers: how many outputs the encoder gives.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, dim: int, num_layers: int) -> None:
        super().__init__()
        self.embed_dim = 2 * dim
        self.layer_weights = nn.Parameter(torch.zeros(num_layers))
        self.classify = nn.Linear(2 * dim, 2)
        self.register_buffer("centre", torch.zeros(2 * dim))
        self.register_buffer("scale", torch.ones(2 * dim))

    def pool(self, hidden: list[Tensor], lens: Tensor) -> Tensor:
        """Encoder outputs, each (B, T, D), with lens (B,) frames -> (B, 2 D); padding is masked."""
        weights = self.layer_weights.softmax(0)
        x = _SumOfNorms.apply(weights, *(layer.float() for layer in hidden))
        padding = padding_mask(lens, x.shape[1])
        mask = torch.ones_like(x[..., :1]) if padding is None else (~padding[..., None]).to(x.dtype)
        count = mask.sum(1)
        mean = (x * mask).sum(1) / count
        variance = ((x - mean[:, None]).square() * mask).sum(1) / count
        return torch.cat([mean, (variance + 1e-8).sqrt()], dim=-1)

    @torch.no_grad()
    def init_from_data(self, outputs: Iterable[tuple[list[Tensor], Tensor]]) -> None:
        """Sets the constants from the encoder's outputs for some training utterances.

        Args:
            outputs: batches of what `forward` takes; one is held at a time.
        """
        pooled = torch.cat([self.pool(hidden, lens) for hidden, lens in outputs])
        self.centre.copy_(pooled.mean(0))
        self.scale.copy_(pooled.std(0, correction=0).clamp(min=1e-3))

    def embed(self, hidden: list[Tensor], lens: Tensor) -> Tensor:
        """Encoder outputs, each (B, T, D), with lens (B,) frames -> (B, 2 D), scaled."""
        return (self.pool(hidden, lens) - self.centre) / self.scale
