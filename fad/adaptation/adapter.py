"""Bottleneck adapters behind the attention and the feed-forward part of a block."""

import torch.nn.functional as F
from torch import Tensor, nn

from fad.adaptation.base import Adaptation, NotMergeable
from fad.adaptation.blocks import choose_blocks, choose_layers
from fad.adaptation.low_rank import check_size
from fad.encoders.base import Encoder
from fad.encoders.boundary import Boundary

LAST_OF_PARTS = ("out_proj", "fc2")  # the last layers of the attention and the feed-forward part


class Bottleneck(nn.Module):
    """x + W_up gelu(W_down x + b_down) + b_up, with W_up and b_up zero at the start.

    Args:
        dim: the width D.
        size: the width of the bottleneck.
    """

    def __init__(self, dim: int, size: int) -> None:
        super().__init__()
        self.down = nn.Linear(dim, size)
        self.up = nn.Linear(size, dim)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        return x + self.up(F.gelu(self.down(x)))


class AdaptedLinear(nn.Module):
    """A frozen linear layer and the adapter behind it.

    The adapter is inside the part of the block that ends in the layer: encoders, and activation
    checkpointing, differ in what they do between the parts.

    Args:
        linear: the last layer of a part.
        size: of the bottleneck.
    """

    def __init__(self, linear: nn.Linear, size: int) -> None:
        super().__init__()
        self.linear, self.adapter = linear, Bottleneck(linear.out_features, size)

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_in) -> (..., D)."""
        return self.adapter(self.linear(x))


class Adapter(Adaptation):
    """Two bottleneck adapters a block, as Thomas et al. put into wav2vec 2.0 (arXiv 2202.03218).

    A block's x + attention(x) becomes x + adapter(attention(x)), and so for its feed-forward part:
    down to `size`, a non-linearity, up again, and a residual around it, after Houlsby et al. (arXiv
    1902.00751). An adapter starts as the identity, so step 0 equals the base model. There are
    `2 * blocks * (2 * D * size + size + D)` parameters: 1,622,784 at size 16 in XLS-R 300M.

    Args:
        size: of the bottleneck, at least 1.
        blocks: `all` that the wanted outputs depend on, or block numbers from 1.

    Raises:
        FadError: a size that is none, or (in `attach`) a block not there.
    """

    def __init__(self, size: int, blocks: str | list[int] = "all") -> None:
        check_size("size", size)
        self.size, self.blocks = size, blocks

    def _wrap(self, encoder: Encoder) -> None:
        self._chosen = choose_blocks(self.blocks, max(encoder.wanted))
        self._layers = {}
        for layer in choose_layers(encoder, LAST_OF_PARTS, self._chosen):
            self._layers[layer.name] = AdaptedLinear(layer.linear, self.size)
            encoder.set_submodule(layer.name, self._layers[layer.name])

    def owned(self) -> dict[str, nn.Parameter]:
        return {
            f"{name}.adapter.{key}": value
            for name, layer in self._layers.items()
            for key, value in layer.adapter.named_parameters()
        }

    @property
    def boundary(self) -> Boundary:
        """All below the lowest block with adapters is fixed."""
        return Boundary(min(self._chosen) - 1)

    def merge(self) -> Encoder:
        raise NotMergeable("an adapter is not linear, so it cannot be folded into a linear layer")
