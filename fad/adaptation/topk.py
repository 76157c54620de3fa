"""Only the last k blocks train: the baseline of every method that saves parameters."""

from torch import nn

from fad.adaptation.base import Adaptation
from fad.encoders.base import Encoder
from fad.encoders.boundary import Boundary, block
from fad.utils.errors import FadError


class TopK(Adaptation):
    """All parameters of the last k blocks that are run train, and nothing else of the encoder.

    The LayerNorm behind the last block belongs to no block and stays frozen. There are
    `k * (4 * (D^2 + D) + 2 * D * FFN + FFN + 5 * D)` parameters: 12,596,224 a block in XLS-R 300M.
    Thomas et al. (arXiv 2202.03218) compare adapters in the last blocks with it.

    Args:
        k: how many blocks, at least 1; counted from the last that `encoder_conf.layers` asks for.

    Raises:
        FadError: k is none, or (in `attach`) more than there are.
    """

    def __init__(self, k: int) -> None:
        if type(k) is not int or k < 1:
            raise FadError(f"adaptation_conf: k is {k}; it must be a whole number from 1")
        self.k = k

    def _wrap(self, encoder: Encoder) -> None:
        self._top = max(encoder.wanted)
        if self.k > self._top:
            raise FadError(
                f"adaptation_conf: k is {self.k}, and encoder_conf.layers asks for {self._top} "
                "blocks: give a k up to that"
            )
        for value in self.owned().values():
            value.requires_grad_(True)

    def owned(self) -> dict[str, nn.Parameter]:
        return self.encoder.block_parameters(range(self._top - self.k + 1, self._top + 1))

    @property
    def boundary(self) -> Boundary:
        """All below the k blocks is fixed."""
        return block(self._top - self.k)

    def merge(self) -> Encoder:
        return self.encoder
