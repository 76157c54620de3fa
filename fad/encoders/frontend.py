"""The frontend: audio to frames by strided convolutions, one frame each 20 ms."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.encoders.cached_weight import CachedWeight
from fad.encoders.frame_grid import FrameGrid

PIECE = 100  # frames at most: the first layer's output, 13 MB in XLS-R, stays in a CPU's cache


class Frontend(nn.Module):
    """Convolutions without padding, each with LayerNorm over channels and GELU.

    A frame depends only on its own window of samples (400 in XLS-R). So stored frames can be
    cropped, and an utterance can be encoded piece by piece.

    Args:
        grid: channels, kernel and stride of each convolution.
        conv_bias: whether they have a bias.
    """

    def __init__(self, grid: FrameGrid, conv_bias: bool) -> None:
        super().__init__()
        self.grid = grid
        channels_in, layers = 1, []
        for channels, kernel, stride in grid.conv_layers:
            conv = nn.Conv1d(channels_in, channels, kernel, stride, bias=conv_bias)
            # The names of a released file: the norm is `2.1`, between dropout and two transposes.
            norm = nn.ModuleDict({"1": nn.LayerNorm(channels)})
            layers.append(nn.ModuleDict({"0": conv, "2": norm}))
            channels_in = channels
        self.conv_layers = nn.ModuleList(layers)
        self._by_taps = [CachedWeight(_by_taps) for _ in layers]

    def _layers(self) -> list[tuple[nn.Conv1d, nn.LayerNorm]]:
        """The convolution and the norm of each layer."""
        layers: Iterable[Any] = self.conv_layers
        return [(layer["0"], layer["2"]["1"]) for layer in layers]

    def forward(self, wav: Tensor) -> Tensor:
        """(B, S) -> (B, T, C), in float32 also under autocast: fp16 overflows here."""
        with torch.autocast(wav.device.type, enabled=False):
            encode = self._by_products if wav.device.type == "cpu" else self._by_convolutions
            return encode(wav.float())

    def _by_convolutions(self, wav: Tensor) -> Tensor:
        """The whole batch at once, for a GPU: (B, S) -> (B, T, C)."""
        x = wav[:, None]
        for conv, norm in self._layers():
            x = conv(x).transpose(1, 2)
            x = F.gelu(norm(x)).transpose(1, 2)
        return x.transpose(1, 2)

    def _by_products(self, wav: Tensor) -> Tensor:
        """Utterances in pieces that stay in the cache, for a CPU: (B, S) -> (B, T, C).

        Time comes before channels, so that nothing is transposed or copied. The numbers are those
        of the convolutions up to the order of summation, in half of their time.
        """
        layers = zip(self._layers(), self._by_taps, strict=True)
        weights = [by_taps(conv.weight) for (conv, _), by_taps in layers]
        total = self.grid.num_frames(wav.shape[1])
        count = -(-total // PIECE)  # of nearly one size, so that the last is not short
        edges = [total * number // count for number in range(count + 1)]
        utterances = []
        for one in wav:
            pieces = [self._piece(one, start, end, weights) for start, end in pairwise(edges)]
            utterances.append(torch.cat(pieces))
        return torch.stack(utterances)

    def _piece(self, wav: Tensor, start: int, end: int, weights: list[Tensor]) -> Tensor:
        """Frames `start` to `end` of a waveform (S,), without the last: (end - start, C)."""
        hop = self.grid.hop
        x = wav[start * hop : (end - 1) * hop + self.grid.window, None]
        for (conv, norm), weight in zip(self._layers(), weights, strict=True):
            x = _gelu(norm(strided_product(x, weight, conv)))
        return x


def strided_product(x: Tensor, weight: Tensor, conv: nn.Conv1d) -> Tensor:
    """A convolution over time without padding, as products of matrices.

    `stride` neighbouring frames lie together in memory, so a view of x has them as a row. The taps
    of a kernel longer than the stride are those of later rows.

    Args:
        x: (T, C_in), contiguous.
        weight: (C_out, K C_in), that of the convolution, channels of a tap together.
        conv: gives the kernel K, the stride and the bias.

    Returns:
        ((T - K) // stride + 1, C_out).
    """
    (kernel,), (stride,), channels = conv.kernel_size, conv.stride, x.shape[1]
    rows, samples = (len(x) - kernel) // stride + 1, x.flatten()

    def factors(tap: int) -> tuple[Tensor, Tensor]:
        first, last = tap * channels, min(tap + stride, kernel) * channels
        view = samples[first:].unfold(0, last - first, stride * channels)[:rows]
        return view, weight[:, first:last].t()

    view, part = factors(0)
    y = view @ part if conv.bias is None else torch.addmm(conv.bias, view, part)
    for tap in range(stride, kernel, stride):
        y.addmm_(*factors(tap))
    return y


def _by_taps(weight: Tensor) -> Tensor:
    """(C_out, C_in, K) -> (C_out, K C_in)."""
    return weight.transpose(1, 2).flatten(1)


def _gelu(x: Tensor) -> Tensor:
    """GELU of (T, C), in place where no gradient needs its input."""
    return F.gelu(x) if x.requires_grad else torch.ops.aten.gelu_(x)
