"""What no frozen encoder can be quicker than: the matrix products of its blocks, and nothing else.

No bias, norm, attention, positional convolution, frontend or autograd; results go to buffers that
are there. Every block has weights of its own, as caches would otherwise flatter it.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from fad.encoders.checkpoint import read_checkpoint
from fad.encoders.frame_grid import FrameGrid
from fad.encoders.pretrained import checked_sizes
from tests.bench.work import Step, Work, scoring_step


class Product(NamedTuple):
    """A linear layer of weight (out, in), between buffers (rows, in) and (rows, out).

    Results are never read again, so that values neither grow nor fade from step to step.
    """

    weight: Tensor
    x: Tensor
    y: Tensor
    grad_x: Tensor
    grad_y: Tensor

    def forward(self) -> None:
        """The output."""
        torch.mm(self.x, self.weight.t(), out=self.y)

    def backward(self) -> None:
        """The gradient of the input."""
        torch.mm(self.grad_y, self.weight, out=self.grad_x)


def floor(work: Work) -> Step:
    """Outputs and gradients of inputs, those of the lowest query, key and value aside.

    Nothing below them trains, so no one needs these three.
    """
    products = _products(work)

    def step() -> None:
        for product in products:
            product.forward()
        for product in reversed(products[3:]):
            product.backward()

    return scoring_step(step)


def score_floor(work: Work) -> Step:
    """Outputs alone."""
    products = _products(work)

    def step() -> None:
        for product in products:
            product.forward()

    return scoring_step(step)


def _products(work: Work) -> list[Product]:
    """Query, key, value, out, fc1, fc2 of each block, in the order of the forward pass."""
    checkpoint = read_checkpoint(work.pretrained)
    sizes = checked_sizes(checkpoint)
    dim, ffn = sizes["encoder_embed_dim"], sizes["encoder_ffn_embed_dim"]
    rows = work.batch * FrameGrid(checkpoint.conv_layers).num_frames(work.samples)
    shapes = [(dim, dim)] * 4 + [(ffn, dim), (dim, ffn)]
    read = {size: torch.randn(rows, size) for size in (dim, ffn)}
    written = {size: torch.empty(rows, size) for size in (dim, ffn)}
    return [
        Product(torch.randn(out, into), read[into], written[out], written[into], read[out])
        for _ in range(sizes["encoder_layers"])
        for out, into in shapes
    ]
