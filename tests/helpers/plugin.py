"""A plugin, as a user would write one: a method, a back-end and a loss of one's own.

Each is a known one with a small difference that shows in its parameters. It is given by its path.
"""

from torch import nn

from fad.adaptation.bitfit import BitFit
from fad.backends.pool import Pool
from fad.config.registry import register
from fad.losses.weighted_ce import WeightedCrossEntropy


@register("adaptation", "own_bitfit")
class OwnBitFit(BitFit):
    """Only the shifts of the LayerNorms train."""

    def owned(self) -> dict[str, nn.Parameter]:
        """The parameters, by name."""
        return {name: value for name, value in super().owned().items() if "layer_norm" in name}


@register("backend", "own_pool")
class OwnPool(Pool):
    """Statistics over time, and a linear layer with or without a bias."""

    def __init__(self, dim: int, num_layers: int, bias: bool = False) -> None:
        super().__init__(dim, num_layers)
        self.classify = nn.Linear(2 * dim, 2, bias=bias)


@register("loss", "own_ce")
class OwnCrossEntropy(WeightedCrossEntropy):
    """Cross-entropy in which only the weight of a spoof is chosen."""

    def __init__(self, embed_dim: int, spoof: float) -> None:
        super().__init__(embed_dim, [spoof, 1.0])
