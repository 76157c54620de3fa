"""LoRA: a trainable low-rank update of chosen linear layers (arXiv 2106.09685), through loralib."""

import math

import loralib
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.adaptation.base import Adaptation
from fad.adaptation.blocks import check_targets, choose_blocks, choose_layers
from fad.adaptation.low_rank import add_low_rank, check_rank_and_alpha, is_number, merged_linear
from fad.encoders.base import LINEAR_LAYERS, Encoder
from fad.encoders.boundary import Boundary
from fad.utils.errors import FadError


class LowRankLinear(loralib.Linear):
    """loralib's layer with a forward that passes over the output once, not four times.

    B, which is small, is scaled instead of the output, and the update is added in place.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_in) -> (..., d_out)."""
        rows = x.flatten(0, -2)
        base = F.linear(rows, self.weight, self.bias)
        up = self.scaling * self.lora_B
        out = add_low_rank(base, self.lora_dropout(rows), self.lora_A, up)
        return out.unflatten(0, x.shape[:-1])


class LoRA(Adaptation):
    """W x + b becomes W x + b + (alpha / r) B A x, with W and b frozen.

    A (r, d_in) starts Kaiming-uniform and B (d_out, r) at zero, so step 0 equals the base model.
    For fake-audio detection by Wang et al. (arXiv 2306.05617). It has `blocks * r * sum(d_in +
    d_out)` parameters: 1,572,864 for query and value at rank 16 in XLS-R 300M.

    Args:
        rank: r, at least 1.
        alpha: the update is scaled by alpha / rank.
        dropout: on the input of A, in training.
        target_modules: some of q_proj, k_proj, v_proj, out_proj, fc1, fc2.
        blocks: `all` that the wanted outputs depend on, or block numbers from 1.
        rank_stabilised: scales by alpha / sqrt(rank) instead, with which outputs and gradients keep
            their size as the rank grows (rsLoRA, arXiv 2312.03732).

    Raises:
        FadError: a number out of its range, an unknown target module, or (in `attach`) a block not
            there.
    """

    def __init__(
        self,
        rank: int,
        alpha: float,
        target_modules: list[str],
        dropout: float = 0.0,
        blocks: str | list[int] = "all",
        rank_stabilised: bool = False,
    ) -> None:
        check_rank_and_alpha(rank, alpha)
        if not is_number(dropout) or not 0 <= dropout < 1:
            raise FadError(f"adaptation_conf: dropout is {dropout}; it must be in [0, 1)")
        check_targets(target_modules, LINEAR_LAYERS)
        if type(rank_stabilised) is not bool:
            raise FadError(f"adaptation_conf: rank_stabilised is {rank_stabilised}; true or false?")
        self.rank, self.alpha, self.dropout = rank, alpha, dropout
        self.target_modules, self.blocks = set(target_modules), blocks
        self.scaling = alpha / (math.sqrt(rank) if rank_stabilised else rank)
        self._layers: dict[str, LowRankLinear] = {}

    def _wrap(self, encoder: Encoder) -> None:
        self._chosen = choose_blocks(self.blocks, max(encoder.wanted))
        self._layers = {}
        for layer in choose_layers(encoder, self.target_modules, self._chosen):
            self._layers[layer.name] = self._low_rank(layer.linear)
            encoder.set_submodule(layer.name, self._layers[layer.name])

    def _low_rank(self, base: nn.Linear) -> LowRankLinear:
        # merge_weights=False: otherwise loralib merges in eval(), and a state dict taken then
        # applies the update twice. Its constructor makes a weight of its own: the weight and bias
        # of the base take its place.
        layer = LowRankLinear(
            base.in_features,
            base.out_features,
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            merge_weights=False,
            bias=base.bias is not None,
        )
        layer.weight, layer.bias, layer.scaling = base.weight, base.bias, self.scaling
        return layer

    def owned(self) -> dict[str, nn.Parameter]:
        return {
            f"{name}.{matrix}": getattr(layer, matrix)
            for name, layer in self._layers.items()
            for matrix in ("lora_A", "lora_B")
        }

    @property
    def boundary(self) -> Boundary:
        """All below the lowest block with an update is fixed."""
        return Boundary(min(self._chosen) - 1)

    @torch.no_grad()
    def merge(self) -> Encoder:
        for name, layer in self._layers.items():
            plain = merged_linear(layer, layer.lora_A, layer.scaling * layer.lora_B)
            self.encoder.set_submodule(name, plain)
        self._layers = {}
        return self.encoder
