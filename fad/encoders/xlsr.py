"""The running encoder: XLS-R (wav2vec 2.0, arXiv 2111.09296) in torch alone, fairseq's names.

A chain of three: `frontend` (strided convolutions, one frame each 20 ms), `project` (LayerNorm and
a linear layer) and `blocks` (a positional convolution, then pre-norm transformer blocks). It can be
entered with the stored output of the frontend or of any block.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from fad.encoders.attention import SelfAttention
from fad.encoders.boundary import FRONTEND, NONE, Boundary, block, needed_outputs
from fad.encoders.convolution import conv1d
from fad.encoders.folding import Folded
from fad.encoders.frame_grid import FrameGrid
from fad.encoders.frontend import Frontend
from fad.encoders.inplace import add_into
from fad.encoders.layers import check_num_blocks, select_layers
from fad.encoders.pooling import mean_pool
from fad.utils.masks import length_mask


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


def _normalised(direction: Tensor, size: Tensor) -> Tensor:
    """Weight norm over all but the last axis."""
    return torch._weight_norm(direction, size, 2)


class PositionalConv(nn.Module):
    """A grouped convolution over time with weight norm over all but the kernel axis."""

    def __init__(self, dim: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.kernel, self.groups = kernel, groups
        self.weight_g = nn.Parameter(torch.ones(1, 1, kernel))
        self.weight_v = nn.Parameter(torch.empty(dim, dim // groups, kernel))
        nn.init.uniform_(self.weight_v, -1 / kernel, 1 / kernel)
        self.bias = nn.Parameter(torch.zeros(dim))
        self._weight = Folded(_normalised)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, T) -> (B, D, T); an even kernel gives one frame too many, which is dropped."""
        weight = self._weight(self.weight_v, self.weight_g)
        y = conv1d(x, weight, self.bias, self.kernel // 2, self.groups)
        return F.gelu(y[..., : x.shape[-1]])


class Block(nn.Module):
    """A pre-norm transformer block: self-attention and a feed-forward part, each added to x."""

    def __init__(self, config: XLSRConfig) -> None:
        super().__init__()
        self.self_attn = SelfAttention(config.dim, config.num_heads)
        self.self_attn_layer_norm = nn.LayerNorm(config.dim)
        self.fc1 = nn.Linear(config.dim, config.ffn_dim)
        self.fc2 = nn.Linear(config.ffn_dim, config.dim)
        self.final_layer_norm = nn.LayerNorm(config.dim)

    def attend(self, x: Tensor, keep: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        return add_into(x, self.self_attn(self.self_attn_layer_norm(x), keep))

    def feed_forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        return add_into(x, self.fc2(F.gelu(self.fc1(self.final_layer_norm(x)))))

    def forward(self, x: Tensor, keep: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D); `keep` (B, T) is True at real frames, None where all are."""
        return self.feed_forward(self.attend(x, keep))

    def checkpointed(self, x: Tensor, keep: Tensor | None) -> Tensor:
        """`forward` that keeps the two parts' inputs alone and computes the rest again.

        Each part by itself, since a part's last product (`out_proj`, `fc2`) is then not computed
        again: with a frozen weight nothing of it is needed.
        """
        x = checkpoint(self.attend, x, keep, use_reentrant=False)
        return checkpoint(self.feed_forward, x, use_reentrant=False)


class Transformer(nn.Module):
    """The positional convolution, the blocks, and the LayerNorm of the last block's output.

    Args:
        config: the shape.
        num_blocks: how many blocks to keep; the LayerNorm is of the very last alone.
    """

    def __init__(self, config: XLSRConfig, num_blocks: int) -> None:
        super().__init__()
        # A list of one, as in a released file: `pos_conv.0`.
        self.pos_conv = nn.ModuleList(
            [PositionalConv(config.dim, config.pos_kernel, config.pos_groups)]
        )
        self.layers = nn.ModuleList([Block(config) for _ in range(num_blocks)])
        whole = num_blocks == config.num_layers
        self.layer_norm = nn.LayerNorm(config.dim) if whole else nn.Identity()

    def open(self, x: Tensor, keep: Tensor | None) -> Tensor:
        """Projected frames (B, T, D) -> the first block's input (B, T, D)."""
        if keep is not None:
            x = x * keep[..., None]
        return x + self.pos_conv[0](x.transpose(1, 2)).transpose(1, 2)

    def forward(
        self, x: Tensor, keep: Tensor | None, after: int, wanted: tuple[int, ...], save: bool
    ) -> dict[int, Tensor]:
        """The outputs of the wanted blocks behind block `after`.

        Args:
            x: (B, T, D), the output of block `after`, or of `open` where that is 0.
            keep: (B, T), True at real frames; None where all are.
            after: a block number.
            wanted: block numbers; blocks behind the last of them are not run.
            save: whether to save memory by activation checkpointing.

        Returns:
            (B, T, D) by the number of the block.
        """
        hidden = {}
        for number in range(after + 1, max(wanted) + 1):
            layer = self.layers[number - 1]
            x = layer.checkpointed(x, keep) if save else layer(x, keep)
            if number in wanted:
                hidden[number] = self.layer_norm(x) if number == len(self.layers) else x
        return hidden


class XLSR(nn.Module):
    """XLS-R under the encoder contract, loaded by `fad.encoders.checkpoint`.

    Args:
        config: the shape.
        layers: the outputs to give: `last`, `all`, or block numbers from 1.
        num_blocks: keeps only the first blocks, as if there were no others; all by default.

    Attributes:
        local_frames: whether a frame depends on its own window alone, so that stored frames can be
            cropped and padding does not reach real frames.
        deepest: the deepest boundary at which the chain can be entered.
        activation_checkpointing: whether the blocks keep less in training and compute it again.
        squeeze: how many neighbouring frames are averaged into one before the blocks.

    Raises:
        FadError: `layers` names a block that is not there, or there are fewer than `num_blocks`.
    """

    local_frames = True

    def __init__(
        self,
        config: XLSRConfig,
        layers: str | list[int] = "all",
        num_blocks: int | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.dim, self.num_layers = config.dim, check_num_blocks(num_blocks, config.num_layers)
        self.wanted = select_layers(layers, self.num_layers)
        self.deepest = block(max(self.wanted))
        self.activation_checkpointing = False
        self.squeeze = 1
        self.feature_extractor = Frontend(config.grid, config.conv_bias)
        self.layer_norm = nn.LayerNorm(config.grid.channels)
        self.post_extract_proj = nn.Linear(config.grid.channels, config.dim)
        self.encoder = Transformer(config, self.num_layers)

    def compile_blocks(self) -> None:
        """Has torch.compile make each block anew, for any batch and length."""
        # Blocks share their code, and so what each of them needs is counted together: with a
        # gradient or without, adapted or plain, padded or not.
        torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
        for layer in self.encoder.layers:
            layer.compile(dynamic=True)

    def pool(self, squeeze: int, query: int, key_value: int) -> None:
        """Has neighbouring frames averaged: before the blocks, and in their self-attention.

        Entered with a block's output, the chain is not squeezed.
        """
        self.squeeze = squeeze
        for layer in self.encoder.layers:
            layer.self_attn.query_pool, layer.self_attn.key_value_pool = query, key_value

    def frontend(self, wav: Tensor, lens: Tensor) -> tuple[Tensor, Tensor]:
        """Waveforms (B, S) at 16 kHz with lengths (B,) -> frames (B, T, C) and their numbers."""
        return self.feature_extractor(wav), self.config.grid.num_frames(lens)

    def project(self, frames: Tensor) -> Tensor:
        """Frames (B, T, C) -> (B, T, D)."""
        return self.post_extract_proj(self.layer_norm(frames))

    def outputs(
        self, inputs: Tensor, lens: Tensor, boundary: Boundary, wanted: tuple[int, ...]
    ) -> tuple[list[Tensor], Tensor]:
        """Enters the chain at a boundary and gives the outputs of any blocks.

        Args:
            inputs: prepared waveforms (B, S), the frontend's frames (B, T, C) or, behind block k,
                (B, T, n, D): the outputs of the blocks that `needed_outputs` names.
            lens: (B,) samples or frames in each.
            boundary: which of them.
            wanted: the blocks, numbers from 1 in order.

        Returns:
            A list of (B, T, D), one a wanted block, and the frames in each utterance, (B,): fewer
            than came in where they are squeezed.
        """
        if boundary == NONE:
            inputs, lens = self.frontend(inputs, lens)
        keep = length_mask(lens, inputs.shape[1])
        hidden: dict[int, Tensor] = {}
        if boundary <= FRONTEND:
            x = self.encoder.open(self.project(inputs), keep)
            x, keep = mean_pool(x, keep, self.squeeze)
            lens = (lens + self.squeeze - 1) // self.squeeze
        else:
            numbers = needed_outputs(boundary, wanted)
            hidden = dict(zip(numbers, inputs.unbind(2), strict=True))
            x = hidden[boundary.depth]
        save = self.activation_checkpointing and torch.is_grad_enabled()
        hidden |= self.encoder(x, keep, max(boundary.depth, 0), wanted, save)
        return [hidden[number] for number in wanted], lens

    def forward(
        self, inputs: Tensor, lens: Tensor, boundary: Boundary = NONE
    ) -> tuple[list[Tensor], Tensor]:
        """`outputs` of the blocks that the back-end asks for.

        Args:
            inputs: (B, S) float32 at 16 kHz, prepared by `fad.data.waveform`; or what is stored.
            lens: (B,) samples, or frames, in each.
            boundary: where the chain is entered.

        Returns:
            The wanted outputs, a list of (B, T, D), and the frames in each, (B,).
        """
        return self.outputs(inputs, lens, boundary, self.wanted)
