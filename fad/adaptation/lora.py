"""LoRA: a trainable low-rank update of chosen linear layers (arXiv 2106.09685), through loralib."""

import math
import re
from collections.abc import Iterator

import loralib
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.adaptation.base import Adaptation
from fad.boundary import Boundary
from fad.errors import FadError, nearest

TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
_LINEAR_OF_BLOCK = re.compile(r".*\.layers\.(\d+)\.(?:self_attn\.)?(\w+)")


class LowRankLinear(loralib.Linear):
    """loralib's layer, whose forward goes over the output once and not four times.

    The scale is put on B, which is small, and the update is added in place by its product.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_in) -> (..., d_out)."""
        rows = x.flatten(0, -2)
        # Of rows, not of (B, T, D): what F.linear gives for that is a view, and what is added to a
        # view in place is copied in the backward pass.
        base = F.linear(rows, self.weight, self.bias)
        low = F.linear(self.lora_dropout(rows), self.lora_A)
        up = (self.scaling * self.lora_B).t().to(base.dtype)
        return base.addmm_(low, up).unflatten(0, x.shape[:-1])


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
    ) -> None:
        if type(rank) is not int or rank < 1:
            raise FadError(f"adaptation_conf: rank is {rank}; it must be a whole number from 1")
        if not _is_number(alpha) or not 0 < alpha < math.inf:
            raise FadError(f"adaptation_conf: alpha is {alpha}; it must be a number over 0")
        if not _is_number(dropout) or not 0 <= dropout < 1:
            raise FadError(f"adaptation_conf: dropout is {dropout}; it must be in [0, 1)")
        if not isinstance(target_modules, list) or not target_modules:
            raise FadError(f"adaptation_conf: target_modules needs a list; {nearest('', TARGETS)}")
        for target in target_modules:
            if target not in TARGETS:
                raise FadError(
                    f"adaptation_conf: no target module '{target}'; {nearest(str(target), TARGETS)}"
                )
        self.rank, self.alpha, self.dropout = rank, alpha, dropout
        self.target_modules, self.blocks = set(target_modules), blocks
        self._layers: dict[str, LowRankLinear] = {}

    def _wrap(self, encoder: nn.Module) -> None:
        # Blocks above the last output that is wanted would never get a gradient.
        self._chosen = self._choose_blocks(max(encoder.wanted))
        for name, base in list(self._targets(encoder)):
            layer = self._low_rank(base)
            _set_module(encoder, name, layer)
            self._layers[name] = layer
        if not self._layers:
            raise FadError(
                f"LoRA found none of {sorted(self.target_modules)} in the encoder; its modules end "
                f"in {sorted({name.split('.')[-1] for name, _ in encoder.named_modules()})}"
            )

    def _choose_blocks(self, num_layers: int) -> set[int]:
        if self.blocks == "all":
            return set(range(1, num_layers + 1))
        numbers = self.blocks if isinstance(self.blocks, list) else []
        if not numbers or not all(type(n) is int and 1 <= n <= num_layers for n in numbers):
            raise FadError(
                f"adaptation_conf: blocks is {self.blocks}; give 'all' or numbers 1 to {num_layers}"
                ", the last that encoder_conf.layers asks for"
            )
        return set(numbers)

    def _targets(self, encoder: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
        for name, module in encoder.named_modules():
            match = _LINEAR_OF_BLOCK.fullmatch(name)
            if match and int(match[1]) + 1 in self._chosen and match[2] in self.target_modules:
                yield name, module

    def _low_rank(self, base: nn.Linear) -> "LowRankLinear":
        # merge_weights=False: loralib would otherwise merge in eval(), and a state dict taken then
        # applies the update twice. Its constructor re-initialises a weight of its own: the base's
        # are shared instead.
        layer = LowRankLinear(
            base.in_features,
            base.out_features,
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            merge_weights=False,
            bias=base.bias is not None,
        )
        layer.weight, layer.bias = base.weight, base.bias
        return layer

    def owned(self) -> dict[str, nn.Parameter]:
        return {
            f"{name}.{matrix}": getattr(layer, matrix)
            for name, layer in self._layers.items()
            for matrix in ("lora_A", "lora_B")
        }

    @property
    def boundary(self) -> Boundary:
        """What lies below the lowest block with an update is fixed."""
        return Boundary(min(self._chosen) - 1)

    @torch.no_grad()
    def merge(self) -> nn.Module:
        for name, layer in self._layers.items():
            plain = nn.Linear(layer.in_features, layer.out_features, device="meta")
            update = layer.scaling * layer.lora_B @ layer.lora_A
            plain.weight = nn.Parameter(layer.weight + update, requires_grad=False)
            plain.bias = layer.bias
            _set_module(self.encoder, name, plain)
        self._layers = {}
        return self.encoder


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _set_module(root: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(root.get_submodule(parent), attribute, module)
