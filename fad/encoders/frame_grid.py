"""How samples become frames: the arithmetic of strided convolutions without padding."""

from dataclasses import dataclass
from math import prod
from typing import TypeVar

from torch import Tensor

Count = TypeVar("Count", int, Tensor)


@dataclass(frozen=True)
class FrameGrid:
    """The convolutions of a frontend and the frames they give.

    Attributes:
        conv_layers: (channels, kernel, stride) of each convolution.
    """

    conv_layers: tuple[tuple[int, int, int], ...]

    def num_frames(self, samples: Count) -> Count:
        """Frames for a number of samples: an integer or a tensor of integers."""
        for _, kernel, stride in self.conv_layers:
            samples = (samples - kernel) // stride + 1
        return samples

    @property
    def channels(self) -> int:
        """The channels C of a frame."""
        return self.conv_layers[-1][0]

    @property
    def hop(self) -> int:
        """Samples from one frame to the next: 320 in XLS-R, 20 ms."""
        return prod(stride for _, _, stride in self.conv_layers)

    @property
    def window(self) -> int:
        """Samples that one frame sees: 400 in XLS-R."""
        window = 1
        for _, kernel, stride in reversed(self.conv_layers):
            window = (window - 1) * stride + kernel
        return window
