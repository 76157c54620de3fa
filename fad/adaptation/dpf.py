"""Dynamic pruning with feedback: a sparse encoder in one training (arXiv 2006.07253)."""

import math
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.adaptation.base import Adaptation, TrainState
from fad.adaptation.blocks import choose_layers
from fad.adaptation.low_rank import is_number
from fad.encoders.base import LINEAR_LAYERS, Encoder
from fad.encoders.boundary import FRONTEND, Boundary
from fad.utils.errors import FadError

_KEPT, _VALUES = "kept", "values"  # of a packed weight: a bit an entry, and those that are kept


class _Masked(torch.autograd.Function):
    """mask * W, whose gradient goes to all of W, also to the entries that are pruned."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, mask: Tensor) -> Tensor:
        return masked(weight, mask)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


def masked(weight: Tensor, mask: Tensor) -> Tensor:
    """mask * W without negative zeros: W (d_out, d_in), mask the same shape in bool."""
    return torch.where(mask, weight, 0)


class MaskedLinear(nn.Linear):
    """(mask * W) x + b around the weight and bias of a layer."""

    mask: Tensor

    def __init__(self, base: nn.Linear) -> None:
        super().__init__(base.in_features, base.out_features, device="meta")
        self.weight, self.bias = base.weight, base.bias
        self.register_buffer("mask", torch.ones_like(base.weight, dtype=torch.bool))

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_in) -> (..., d_out)."""
        return F.linear(x, _Masked.apply(self.weight, self.mask), self.bias)


class DPF(Adaptation):
    """All parameters of the blocks train; each linear layer W x + b becomes (m * W) x + b.

    The mask m has zeros at the smallest magnitudes of all these weights together, and is computed
    again every 16 steps. The gradient at m * W is applied to the dense W, so that a weight that was
    pruned too early grows back. After step t of the first T the share of zeros is

        s_t = s - s (1 - t / T)^3

    and from T on it is s; masks still change. Step 0 is dense and equals the base model. All linear
    layers of the blocks are pruned; their biases and LayerNorms train and are not pruned. The
    frontend, its projection and the positional convolution stay frozen: ours, since the paper
    trains whole networks, by SGD. Only an epoch that ends at the full sparsity can be the best.

    The file of the best model is smaller, not faster: for each weight it has a bit an entry and the
    values that are kept. Scoring runs a plain encoder and multiplies its zeros. `checkpoint.pt` is
    dense: it has W and the masks. There are `blocks * (4 * (D^2 + D) + 2 * D * FFN + FFN + 5 * D)`
    trained parameters: 302,309,376 in XLS-R 300M, of which 301,989,888 can be pruned. A step also
    holds the masked weights, 1.2 GB there.

    Args:
        sparsity: s, the share of zeros that it ends with, in [0, 1).
        ramp: T as a share of all steps, in (0, 1]. In the paper T is the second milestone of the
            learning rate.
        every: steps from one mask to the next.

    Raises:
        FadError: a number out of its range, or (in `attach`) an encoder without such layers.
    """

    averageable = False  # the zeros of several epochs differ

    def __init__(self, sparsity: float, ramp: float, every: int = 16) -> None:
        if not is_number(sparsity) or not 0 <= sparsity < 1:
            raise FadError(f"adaptation_conf: sparsity is {sparsity}; it must be in [0, 1)")
        if not is_number(ramp) or not 0 < ramp <= 1:
            raise FadError(f"adaptation_conf: ramp is {ramp}; it must be in (0, 1]")
        if type(every) is not int or every < 1:
            raise FadError(f"adaptation_conf: every is {every}; it must be a whole number from 1")
        self.sparsity, self.ramp, self.every = sparsity, ramp, every

    def _wrap(self, encoder: Encoder) -> None:
        self._blocks = range(1, max(encoder.wanted) + 1)
        self._layers = {}
        for layer in choose_layers(encoder, LINEAR_LAYERS, self._blocks):
            self._layers[layer.name] = MaskedLinear(layer.linear)
            encoder.set_submodule(layer.name, self._layers[layer.name])
        for value in self.owned().values():
            value.requires_grad_(True)

    def owned(self) -> dict[str, nn.Parameter]:
        return self.encoder.block_parameters(self._blocks)

    def saved(self) -> dict[str, Tensor]:
        return {**self.owned(), **{f"{name}.mask": x.mask for name, x in self._layers.items()}}

    @torch.no_grad()
    def exported(self) -> dict[str, Tensor]:
        state = self.saved()
        for name, layer in self._layers.items():
            del state[f"{name}.weight"], state[f"{name}.mask"]
            state[f"{name}.{_KEPT}"] = pack_bits(layer.mask)
            state[f"{name}.{_VALUES}"] = self._kept_values(layer)
        return state

    def _kept_values(self, layer: MaskedLinear) -> Tensor:
        if not layer.weight.is_meta:
            return layer.weight[layer.mask]
        # Only counted: without magnitudes, each layer is taken to keep the same share.
        size = layer.weight.numel()
        return torch.empty(size - math.floor(self.sparsity * size), device="meta")

    def imported(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        found = dict(state)
        for name, layer in self._layers.items():
            kept, values = (state.get(f"{name}.{part}") for part in (_KEPT, _VALUES))
            unpacked = _unpacked(kept, values, layer.weight.shape)
            if unpacked is not None:
                del found[f"{name}.{_KEPT}"], found[f"{name}.{_VALUES}"]
                found[f"{name}.weight"], found[f"{name}.mask"] = unpacked
        return found

    @property
    def is_complete(self) -> bool:
        masks = [layer.mask for layer in self._layers.values()]
        pruned = sum(mask.numel() - int(mask.sum()) for mask in masks)
        return pruned >= self._number_to_prune(self.sparsity)

    def _number_to_prune(self, sparsity: float) -> int:
        return math.floor(sparsity * sum(x.weight.numel() for x in self._layers.values()))

    @property
    def boundary(self) -> Boundary:
        return FRONTEND

    def after_step(self, state: TrainState) -> None:
        last = math.ceil(self.ramp * state.total_steps)
        if state.step % self.every == 0 or state.step == last:
            left = max(0.0, 1 - state.step / last)
            self._prune(self._number_to_prune(self.sparsity - self.sparsity * left**3))

    @torch.no_grad()
    def _prune(self, number: int) -> None:
        weights = [layer.weight for layer in self._layers.values()]
        threshold = kth_magnitude(weights, number)
        for layer in self._layers.values():
            layer.mask.copy_(layer.weight.abs() > threshold)

    @torch.no_grad()
    def merge(self) -> Encoder:
        for name, layer in self._layers.items():
            plain = nn.Linear(layer.in_features, layer.out_features, device="meta")
            kept = masked(layer.weight, layer.mask)
            plain.weight = nn.Parameter(kept, requires_grad=False)
            plain.bias = layer.bias
            self.encoder.set_submodule(name, plain)
        self._layers = {}
        return self.encoder


def kth_magnitude(weights: Iterable[Tensor], number: int) -> float:
    """The `number`-th smallest absolute value of float32 tensors together; -1 for number 0.

    The bits of positive floats order them as integers. The upper half of the bits is found by
    counting, then the lower half: sorting all weights of XLS-R together would take gigabytes.

    Args:
        weights: float32 tensors of any shapes.
        number: from 0 to the number of their entries.
    """
    if number == 0:
        return -1.0
    weights = list(weights)
    upper, before = _bin_of(number, (_bits(x) >> 16 for x in weights))
    bits = (_bits(x) for x in weights)
    lower, _ = _bin_of(number - before, (x[x >> 16 == upper] & 0xFFFF for x in bits))
    return torch.tensor(upper << 16 | lower, dtype=torch.int32).view(torch.float32).item()


def _bits(weight: Tensor) -> Tensor:
    return weight.detach().abs().flatten().view(torch.int32)


def _bin_of(number: int, parts: Iterable[Tensor]) -> tuple[int, int]:
    """The bin, of 65,536, that the `number`-th smallest value lies in, and how many lie below."""
    counts = torch.zeros(1 << 16, dtype=torch.int64)
    for part in parts:
        counts += torch.bincount(part, minlength=1 << 16).cpu()
    totals = counts.cumsum(0)
    found = int(torch.searchsorted(totals, number))
    return found, int(totals[found] - counts[found])


def pack_bits(mask: Tensor) -> Tensor:
    """(...) bool -> (ceil(N / 8),) uint8, the first entry in the lowest bit of the first byte."""
    flat = mask.flatten()
    rows = F.pad(flat, (0, -len(flat) % 8)).view(-1, 8)
    return (rows.to(torch.uint8) << _places(mask.device)).sum(1, dtype=torch.uint8)


def unpack_bits(packed: Tensor, size: int) -> Tensor:
    """The first `size` bits of `pack_bits`, (size,) bool."""
    return (packed[:, None] >> _places(packed.device) & 1).flatten()[:size].bool()


def _places(device: torch.device) -> Tensor:
    return torch.arange(8, dtype=torch.uint8, device=device)


def _unpacked(
    kept: Tensor | None, values: Tensor | None, shape: torch.Size
) -> tuple[Tensor, Tensor] | None:
    """The weight and the mask of a packed pair; None where they are not one of this shape."""
    if kept is None or values is None or (kept.dtype, kept.ndim) != (torch.uint8, 1):
        return None
    if len(kept) != -(-shape.numel() // 8):
        return None
    mask = unpack_bits(kept, shape.numel()).view(shape)
    if values.shape != (int(mask.sum()),):
        return None
    weight = torch.zeros(shape, dtype=values.dtype)
    weight[mask] = values
    return weight, mask
