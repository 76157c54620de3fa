"""A sum that writes over memory which nothing asks for again, with its gradient.

A CPU's allocator rarely finds a place for a large tensor where another one lay: what is made and
thrown away between tensors that are kept costs memory for good.
"""

import torch
from torch import Tensor


class _AddInto(torch.autograd.Function):
    """x + y of one shape and type, written over y; the gradient of both is that of the sum."""

    @staticmethod
    def forward(ctx, x: Tensor, y: Tensor) -> Tensor:
        return y.detach().add_(x)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:
        return grad, grad


def add_into(x: Tensor, y: Tensor) -> Tensor:
    """x + y of one shape, in y's memory where their types agree; y must not be used again.

    Not by `y += x`: y is a view of what the linear layer under it made, and autograd copies what is
    written into a view.
    """
    return _AddInto.apply(x, y) if x.dtype == y.dtype else x + y
