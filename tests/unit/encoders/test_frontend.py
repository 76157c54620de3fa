"""The frontend by products of matrices: convolutions' numbers, their gradients, any shape."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fad.encoders import frontend as module
from fad.encoders.frame_grid import FrameGrid
from fad.encoders.frontend import Frontend, strided_product

GRID = FrameGrid(((8, 10, 5), (8, 3, 2), (8, 2, 2)))


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kernel", "stride"), [(10, 5), (3, 2), (2, 2), (5, 2), (2, 3), (1, 1)])
def test_a_strided_product_is_the_convolution(kernel, stride, bias):
    conv = nn.Conv1d(4, 6, kernel, stride, bias=bias)
    for length in range(kernel, kernel + 2 * stride + 1):
        x = noise(length, 4)
        weight = conv.weight.transpose(1, 2).flatten(1)
        expected = F.conv1d(x.t()[None], conv.weight, conv.bias, stride)[0].t()
        found = strided_product(x, weight, conv)
        assert found.shape == expected.shape
        assert (found - expected).abs().max() < 1e-5


@pytest.mark.parametrize("bias", [True, False])
def test_both_ways_agree_with_their_gradients(bias, monkeypatch):
    monkeypatch.setattr(module, "PIECE", 7)  # so that there are several, and a rest
    frontend = Frontend(GRID, bias)
    wav = noise(2, 2001)
    results = []
    for encode in (frontend._by_products, frontend._by_convolutions):
        frontend.zero_grad()
        frames = encode(wav)
        frames.square().sum().backward()
        results.append([frames.detach(), *(p.grad for p in frontend.parameters())])
    for found, expected in zip(*results, strict=True):
        assert (found - expected).abs().max() < 1e-5 * expected.abs().max().clamp(min=1)


def test_pieces_change_no_bit_of_a_frame(monkeypatch):
    frontend = Frontend(GRID, True)
    with torch.no_grad():
        whole = frontend(noise(1, 4001))
        monkeypatch.setattr(module, "PIECE", 9)
        pieces = frontend(noise(1, 4001))
    # The same products of other sizes: on the CPUs tried to the last bit, elsewhere to rounding.
    assert (whole - pieces).abs().max() < 2e-6 * whole.abs().max()
