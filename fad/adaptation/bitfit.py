"""BitFit: only the biases of the blocks (arXiv 2106.10199)."""

from torch import nn

from fad.adaptation.base import Adaptation
from fad.adaptation.blocks import choose_blocks
from fad.encoders.base import Encoder
from fad.encoders.boundary import Boundary


class BitFit(Adaptation):
    """Every W x + b of a block keeps its W and trains its b, and every LayerNorm its shift.

    Those of query, value, output, fc1, fc2 and the two LayerNorms (b_q, b_v, b_m1 to b_m3, b_LN1
    and b_LN2 in the paper's words): `blocks * (6 * D + FFN)` numbers, 245,760 in XLS-R 300M. The
    paper counts the key's bias too. It adds the same to all scores of a query, which softmax
    cancels: it cannot change an output and has no gradient, so it is left out.

    Args:
        blocks: `all` that the wanted outputs depend on, or block numbers from 1.

    Raises:
        FadError: (in `attach`) a block not there.
    """

    def __init__(self, blocks: str | list[int] = "all") -> None:
        self.blocks = blocks

    def _wrap(self, encoder: Encoder) -> None:
        self._chosen = choose_blocks(self.blocks, max(encoder.wanted))
        for bias in self.owned().values():
            bias.requires_grad_(True)

    def owned(self) -> dict[str, nn.Parameter]:
        layers = self.encoder.linear_layers()
        keys = {f"{layer.name}.bias" for layer in layers if layer.target == "k_proj"}
        return {
            name: value
            for name, value in self.encoder.block_parameters(self._chosen).items()
            if name.endswith(".bias") and name not in keys
        }

    @property
    def boundary(self) -> Boundary:
        """All below the lowest block whose biases train is fixed."""
        return Boundary(min(self._chosen) - 1)

    def merge(self) -> Encoder:
        return self.encoder
