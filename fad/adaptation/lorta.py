"""LoRTA: one low-rank tensor for the attention of all blocks (arXiv 2410.04060)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.adaptation.base import Adaptation
from fad.adaptation.blocks import check_targets, choose_blocks, choose_layers
from fad.adaptation.low_rank import add_low_rank, check_rank_and_alpha, merged_linear
from fad.encoders.base import ATTENTION_LAYERS, Encoder, LinearLayer
from fad.encoders.boundary import Boundary


class CPTensor(nn.Module):
    """The factors of a tensor of D x D/H x H heads x M matrices x L blocks, of CP rank r.

    All but B start as the authors' program has them, Kaiming-uniform with a = sqrt(5), where the
    fan-in is r; B starts at zero.
    """

    def __init__(self, dim: int, num_heads: int, matrices: int, blocks: int, rank: int) -> None:
        super().__init__()
        self.A = nn.Parameter(torch.empty(dim, rank))
        self.B = nn.Parameter(torch.zeros(rank, dim // num_heads))
        self.C_h = nn.Parameter(torch.empty(num_heads, rank))
        self.C_m = nn.Parameter(torch.empty(matrices, rank))
        self.C_l = nn.Parameter(torch.empty(blocks, rank))
        for factor in (self.A, self.C_h, self.C_m, self.C_l):
            nn.init.kaiming_uniform_(factor, a=math.sqrt(5))

    def heads(self, matrix: int, block: int) -> Tensor:
        """(r, D): diag(C_h * C_m * C_l) B of all heads, side by side."""
        size = self.C_h * self.C_m[matrix] * self.C_l[block]
        return (size.t()[:, :, None] * self.B[:, None, :]).flatten(1)


class TensorLinear(nn.Linear):
    """A linear layer with its slice of the tensor added; `matrix` and `block` are its indices.

    Args:
        base: the frozen layer, whose weight and bias it has.
        tensor: of all layers together; not a submodule of each of them.
        scaling: alpha / r.
        heads_in: whether heads lie side by side in the input, as they do for `out_proj`.
    """

    def __init__(
        self,
        base: nn.Linear,
        tensor: CPTensor,
        matrix: int,
        block: int,
        scaling: float,
        heads_in: bool,
    ) -> None:
        super().__init__(base.in_features, base.out_features, device="meta")
        self.weight, self.bias = base.weight, base.bias
        self._tensor = (tensor,)  # in a tuple, where torch does not take it for a submodule
        self._matrix, self._block = matrix, block
        self._scaling, self._heads_in = scaling, heads_in

    def factors(self) -> tuple[Tensor, Tensor]:
        """(r, d_in) and (d_out, r), whose product is the update of the weight."""
        (tensor,) = self._tensor
        heads = self._scaling * tensor.heads(self._matrix, self._block)
        return (heads, tensor.A) if self._heads_in else (tensor.A.t(), heads.t())

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        rows = x.flatten(0, -2)
        base = F.linear(rows, self.weight, self.bias)
        return add_low_rank(base, rows, *self.factors()).unflatten(0, x.shape[:-1])


class LoRTA(Adaptation):
    """W x + b becomes (W + (alpha / r) dW) x + b with dW a slice of one CP tensor, W and b frozen.

    For head h, matrix m of query, key, value and output, and block l,

        dW[h, m, l] = A diag(C_h * C_m * C_l) B,

    A (D, r), B (r, D/H), and a row of r numbers for each head, matrix and block. Heads lie side by
    side: in what query, key and value give, and in what the output layer gets, so that its slice is
    transposed (ours). There are `r * (D + D/H + heads + matrices + blocks)` parameters: 1132 r in
    XLS-R 300M. B starts at zero, so step 0 equals the base model.

    Args:
        rank: r, at least 1.
        alpha: the update is scaled by alpha / rank.
        target_modules: some of q_proj, k_proj, v_proj, out_proj.
        blocks: `all` that the wanted outputs depend on, or block numbers from 1.

    Raises:
        FadError: a number out of its range, an unknown target module, or (in `attach`) a block not
            there.
    """

    def __init__(
        self,
        rank: int,
        alpha: float,
        target_modules: list[str],
        blocks: str | list[int] = "all",
    ) -> None:
        check_rank_and_alpha(rank, alpha)
        check_targets(target_modules, ATTENTION_LAYERS)
        self.rank, self.alpha, self.blocks = rank, alpha, blocks
        self.target_modules = [name for name in ATTENTION_LAYERS if name in target_modules]

    def _wrap(self, encoder: Encoder) -> None:
        self._chosen = choose_blocks(self.blocks, max(encoder.wanted))
        layers = choose_layers(encoder, self.target_modules, self._chosen)
        # In the encoder, so that it is moved, counted and saved with it.
        encoder.lorta = self._tensor = CPTensor(
            encoder.dim,
            encoder.num_heads,
            len(self.target_modules),
            len(self._chosen),
            self.rank,
        )
        self._layers = {}
        for layer in layers:
            self._layers[layer.name] = self._adapted(layer)
            encoder.set_submodule(layer.name, self._layers[layer.name])

    def _adapted(self, layer: LinearLayer) -> TensorLinear:
        return TensorLinear(
            layer.linear,
            self._tensor,
            matrix=self.target_modules.index(layer.target),
            block=self._chosen.index(layer.block),
            scaling=self.alpha / self.rank,
            heads_in=layer.target == "out_proj",
        )

    def owned(self) -> dict[str, nn.Parameter]:
        return dict(self._tensor.named_parameters(prefix="lorta"))

    @property
    def boundary(self) -> Boundary:
        """All below the lowest block with an update is fixed."""
        return Boundary(min(self._chosen) - 1)

    @torch.no_grad()
    def merge(self) -> Encoder:
        for name, layer in self._layers.items():
            self.encoder.set_submodule(name, merged_linear(layer, *layer.factors()))
        del self.encoder.lorta
        return self.encoder
