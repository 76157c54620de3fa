"""In-place residual add with autograd; lowers peak memory.

The allocator of a CPU rarely reuses the place of a large tensor that was freed between tensors that
stay, so each temporary one may cost memory until the end.
"""

from typing import Any

import torch
from torch import Tensor


class _AddInto(torch.autograd.Function):
    """x + y of one shape and type, written over y; both get the gradient of the sum."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        return y.detach().add_(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        return grad, grad


def add_into(x: Tensor, y: Tensor) -> Tensor:
    """x + y in the memory of y, where their types agree; y must not be used again.

    Not by `y += x`: y is a view of what a linear layer has made, and autograd copies a view that is
    written into.

    Args:
        x: (...) any shape.
        y: (...) the same shape.

    Returns:
        (...) the same shape.
    """
    return _AddInto.apply(x, y) if x.dtype == y.dtype else x + y
