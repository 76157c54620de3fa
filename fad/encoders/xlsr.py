"""The running encoder: XLS-R (wav2vec 2.0, arXiv 2111.09296) in torch alone, fairseq's names.

A chain of three: `frontend` (strided convolutions, one frame each 20 ms), `project` (LayerNorm and
a linear layer) and `blocks` (a positional convolution, then pre-norm transformer blocks). Each part
can be entered with the stored output of the one before.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.encoders.attention import SelfAttention
from fad.encoders.frame_grid import FrameGrid
from fad.encoders.layers import select_layers
from fad.masks import length_mask


@dataclass(frozen=True)
class XLSRConfig:
    """The shape of an XLS-R encoder and how its audio is prepared.

    Attributes:
        grid: the frontend's convolutions and the frames they give.
        conv_bias: whether those convolutions have a bias.
        dim, ffn_dim, num_heads, num_layers: of the transformer.
        pos_kernel, pos_groups: of the positional convolution.
        normalize: whether the waveform is brought to zero mean and unit variance.
    """

    grid: FrameGrid
    conv_bias: bool
    dim: int
    ffn_dim: int
    num_heads: int
    num_layers: int
    pos_kernel: int
    pos_groups: int
    normalize: bool


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of (B, C, T)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class Frontend(nn.Module):
    """Strided convolutions, each with LayerNorm over channels and GELU; no padding.

    A frame depends on its own 400 samples alone, which is why stored frames can be cropped.
    """

    def __init__(self, config: XLSRConfig) -> None:
        super().__init__()
        channels_in, layers = 1, []
        for channels, kernel, stride in config.grid.conv_layers:
            conv = nn.Conv1d(channels_in, channels, kernel, stride, bias=config.conv_bias)
            # The names of a released file: the norm is `2.1`, between dropout and two transposes.
            norm = nn.ModuleDict({"1": ChannelNorm(channels)})
            layers.append(nn.ModuleDict({"0": conv, "2": norm}))
            channels_in = channels
        self.conv_layers = nn.ModuleList(layers)

    def forward(self, wav: Tensor) -> Tensor:
        """(B, S) -> (B, C, T), in float32 also under autocast: fp16 overflows here."""
        with torch.autocast(wav.device.type, enabled=False):
            x = wav.float()[:, None]
            for layer in self.conv_layers:
                x = F.gelu(layer["2"]["1"](layer["0"](x)))
        return x


class PositionalConv(nn.Module):
    """A grouped convolution over time with weight norm over all but the kernel axis."""

    def __init__(self, dim: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.kernel, self.groups = kernel, groups
        self.weight_g = nn.Parameter(torch.ones(1, 1, kernel))
        self.weight_v = nn.Parameter(torch.empty(dim, dim // groups, kernel))
        nn.init.uniform_(self.weight_v, -1 / kernel, 1 / kernel)
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, T) -> (B, D, T); an even kernel gives one frame too many, which is dropped."""
        weight = torch._weight_norm(self.weight_v, self.weight_g, 2)
        y = F.conv1d(x, weight, self.bias, padding=self.kernel // 2, groups=self.groups)
        return F.gelu(y[..., : x.shape[-1]])


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, config: XLSRConfig) -> None:
        super().__init__()
        self.self_attn = SelfAttention(config.dim, config.num_heads)
        self.self_attn_layer_norm = nn.LayerNorm(config.dim)
        self.fc1 = nn.Linear(config.dim, config.ffn_dim)
        self.fc2 = nn.Linear(config.ffn_dim, config.dim)
        self.final_layer_norm = nn.LayerNorm(config.dim)

    def forward(self, x: Tensor, keep: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D); `keep` (B, T) is True at real frames, None where all are."""
        x = x + self.self_attn(self.self_attn_layer_norm(x), keep)
        return x + self.fc2(F.gelu(self.fc1(self.final_layer_norm(x))))


class Transformer(nn.Module):
    """The positional convolution, the blocks, and the LayerNorm of the last block's output."""

    def __init__(self, config: XLSRConfig) -> None:
        super().__init__()
        # A list of one, as in a released file: `pos_conv.0`.
        self.pos_conv = nn.ModuleList(
            [PositionalConv(config.dim, config.pos_kernel, config.pos_groups)]
        )
        self.layers = nn.ModuleList([Block(config) for _ in range(config.num_layers)])
        self.layer_norm = nn.LayerNorm(config.dim)

    def forward(self, x: Tensor, keep: Tensor | None, wanted: tuple[int, ...]) -> list[Tensor]:
        """The outputs of the wanted blocks.

        Args:
            x: projected frames (B, T, D).
            keep: (B, T), True at real frames; None where all are.
            wanted: block numbers from 1; blocks after the last of them are not run.

        Returns:
            One (B, T, D) for each wanted block, in the blocks' order.
        """
        if keep is not None:
            x = x * keep[..., None]
        x = x + self.pos_conv[0](x.transpose(1, 2)).transpose(1, 2)
        hidden = []
        for number, block in enumerate(self.layers[: max(wanted)], start=1):
            x = block(x, keep)
            if number in wanted:
                hidden.append(self.layer_norm(x) if number == len(self.layers) else x)
        return hidden


class XLSR(nn.Module):
    """XLS-R under the encoder contract, loaded by `fad.encoders.checkpoint`.

    Args:
        config: the shape.
        layers: the outputs to give: `last`, `all`, or block numbers from 1.

    Attributes:
        local_frames: whether a frame depends on its own window alone, so that stored frames can be
            cropped and padding does not reach real frames.

    Raises:
        FadError: `layers` names a block that is not there.
    """

    local_frames = True

    def __init__(self, config: XLSRConfig, layers: str | list[int] = "all") -> None:
        super().__init__()
        self.config = config
        self.dim, self.num_layers = config.dim, config.num_layers
        self.wanted = select_layers(layers, config.num_layers)
        self.feature_extractor = Frontend(config)
        self.layer_norm = nn.LayerNorm(config.grid.channels)
        self.post_extract_proj = nn.Linear(config.grid.channels, config.dim)
        self.encoder = Transformer(config)

    def frontend(self, wav: Tensor, lens: Tensor) -> tuple[Tensor, Tensor]:
        """Waveforms (B, S) at 16 kHz with lengths (B,) -> frames (B, T, C) and their numbers."""
        frames = self.feature_extractor(wav).transpose(1, 2)
        return frames, self.config.grid.num_frames(lens)

    def project(self, frames: Tensor) -> Tensor:
        """Frames (B, T, C) -> (B, T, D)."""
        return self.post_extract_proj(self.layer_norm(frames))

    def blocks(self, x: Tensor, lens: Tensor) -> list[Tensor]:
        """(B, T, D) with lengths (B,) -> the wanted outputs, each (B, T, D)."""
        return self.encoder(x, length_mask(lens, x.shape[1]), self.wanted)

    def from_frontend(self, frames: Tensor, lens: Tensor) -> tuple[list[Tensor], Tensor]:
        """Enters the chain with stored frames (B, T, C)."""
        return self.blocks(self.project(frames), lens), lens

    def forward(self, wav: Tensor, lens: Tensor) -> tuple[list[Tensor], Tensor]:
        """Encodes prepared waveforms.

        Args:
            wav: (B, S) float32 at 16 kHz, prepared by `fad.data.waveform`.
            lens: (B,) samples in each.

        Returns:
            The wanted outputs, a list of (B, T, D), and the frames in each, (B,).
        """
        return self.from_frontend(*self.frontend(wav, lens))
