"""A grouped convolution over time that is right in half precision on every CPU.

oneDNN 3.12, which torch 2.13.0 has, returns garbage for a bfloat16 convolution with fewer than 16
channels a group and an even kernel of 16 or more, where the CPU has AMX and oneDNN uses it. Wider
groups, such as the 64 channels of XLS-R, are right.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NARROW = 16  # channels a group: below it, oneDNN's half precision is not used


def conv1d(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int, groups: int) -> Tensor:
    """`F.conv1d` of stride 1; narrow groups in half precision are computed in float32 on a CPU.

    The gradient is computed in the same precision. Float32 takes less time with its gradient than
    groups padded to 16 channels, or products of matrices.

    Args:
        x: (B, C, T).
        weight: (C_out, C / groups, K).
        bias: (C_out,) or None.
        padding: zeros at each end.
        groups: of channels.

    Returns:
        (B, C_out, T + 2 padding - K + 1), of the type that `F.conv1d` would give.
    """
    dtype = _computed_in(x)
    if x.device.type != "cpu" or dtype.itemsize > 2 or weight.shape[1] >= NARROW:
        return F.conv1d(x, weight, bias, padding=padding, groups=groups)
    bias = None if bias is None else bias.float()
    with torch.autocast("cpu", enabled=False):
        y = F.conv1d(x.float(), weight.float(), bias, padding=padding, groups=groups)
    return y.to(dtype)


def _computed_in(x: Tensor) -> torch.dtype:
    """The type in which torch computes a convolution of x."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


class Conv1d(nn.Conv1d):
    """`nn.Conv1d` of stride 1, padded with zeros, by `conv1d`."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return conv1d(x, weight, bias, int(self.padding[0]), self.groups)


def replace_convolutions(module: nn.Module) -> None:
    """Makes every `nn.Conv1d` in `module` a `Conv1d`, with its parameters, names and hooks.

    It changes the class of the objects in place: a new module would lack their hooks, such as
    fairseq's weight norm.
    """
    for conv in module.modules():
        if type(conv) is nn.Conv1d:
            conv.__class__ = Conv1d
