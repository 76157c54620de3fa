"""XLS-R (wav2vec 2.0, arXiv 2111.09296) in plain torch, with fairseq's parameter names.

Three steps: `frontend` (strided convolutions, one frame each 20 ms), `project` (LayerNorm and a
linear layer) and the transformer (a positional convolution, then pre-norm blocks). The encoder can
be entered with the stored output of the frontend or of any block.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from fad.encoders.attention import SelfAttention
from fad.encoders.base import FAIRSEQ_EPS, Encoder, EncoderBlock, Parts
from fad.encoders.boundary import FRONTEND, NONE, Boundary, needed_outputs
from fad.encoders.cached_weight import CachedWeight
from fad.encoders.convolution import conv1d
from fad.encoders.frame_grid import FrameGrid
from fad.encoders.frontend import Frontend
from fad.encoders.inplace import add_into
from fad.encoders.layers import check_num_blocks
from fad.encoders.pooling import mean_pool
from fad.utils.masks import padding_mask


@dataclass(frozen=True)
class XLSRConfig:
    """The shape of an XLS-R encoder and how its audio is prepared.

    Attributes:
        grid: the frontend's convolutions and the frames they give.
        conv_bias: whether those convolutions have a bias.
        dim, ffn_dim, num_heads, num_layers: of the transformer.
        pos_kernel, pos_groups: of the positional convolution.
        normalize: whether the waveform is brought to zero mean and unit variance.
        normalize_eps: what is added to the variance then.
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
    normalize_eps: float = FAIRSEQ_EPS


def _weight_norm(direction: Tensor, length: Tensor) -> Tensor:
    """Weight norm over all but the last axis.

    Args:
        direction: (D, D / groups, K).
        length: (1, 1, K).

    Returns:
        (D, D / groups, K).
    """
    return torch._weight_norm(direction, length, 2)


class PositionalConv(nn.Module):
    """A grouped convolution over time with weight norm over all but the kernel axis, and GELU.

    Args:
        dim: the width D.
        kernel: frames K that an output frame sees.
        groups: of channels, D / groups in each.
    """

    def __init__(self, dim: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.kernel, self.groups = kernel, groups
        self.weight_g = nn.Parameter(torch.ones(1, 1, kernel))
        self.weight_v = nn.Parameter(torch.empty(dim, dim // groups, kernel))
        nn.init.uniform_(self.weight_v, -1 / kernel, 1 / kernel)
        self.bias = nn.Parameter(torch.zeros(dim))
        self._weight = CachedWeight(_weight_norm)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, T) -> (B, D, T); an even kernel gives one frame more, which is dropped."""
        weight = self._weight(self.weight_v, self.weight_g)
        y = conv1d(x, weight, self.bias, self.kernel // 2, self.groups)
        return F.gelu(y[..., : x.shape[-1]])


class Block(EncoderBlock):
    """A pre-norm transformer block: self-attention and a feed-forward part, each added to x.

    In all methods x is (B, T, D), and `padding_mask` (B, T) bool is True at padding, or None where
    there is none.
    """

    def __init__(self, config: XLSRConfig) -> None:
        super().__init__()
        self.self_attn = SelfAttention(config.dim, config.num_heads)
        self.self_attn_layer_norm = nn.LayerNorm(config.dim)
        self.fc1 = nn.Linear(config.dim, config.ffn_dim)
        self.fc2 = nn.Linear(config.ffn_dim, config.dim)
        self.final_layer_norm = nn.LayerNorm(config.dim)

    def attend(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """x plus its self-attention: (B, T, D) -> (B, T, D)."""
        return add_into(x, self.self_attn(self.self_attn_layer_norm(x), padding_mask))

    def feed_forward(self, x: Tensor) -> Tensor:
        """x plus its feed-forward part: (B, T, D) -> (B, T, D)."""
        return add_into(x, self.fc2(F.gelu(self.fc1(self.final_layer_norm(x)))))

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        return self.feed_forward(self.attend(x, padding_mask))

    def checkpointed(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """`forward` that keeps only the inputs of the two parts and computes the rest again.

        Each part has a checkpoint of its own: then the last product of a part (`out_proj`, `fc2`)
        is not computed again, since the gradient of a frozen layer does not need it.
        """
        x = checkpoint(self.attend, x, padding_mask, use_reentrant=False)
        return checkpoint(self.feed_forward, x, use_reentrant=False)


class Transformer(nn.Module):
    """The positional convolution, the blocks, and the LayerNorm of the last block's output.

    Args:
        config: the shape.
        num_blocks: how many blocks to keep. The LayerNorm belongs to the last block of the file.
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

    def add_positions(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """Projected frames (B, T, D) -> the input of the first block (B, T, D)."""
        if padding_mask is not None:
            x = x.masked_fill(padding_mask[..., None], 0)
        return x + self.pos_conv[0](x.transpose(1, 2)).transpose(1, 2)

    def forward(
        self,
        x: Tensor,
        padding_mask: Tensor | None,
        after: int,
        wanted: tuple[int, ...],
        save_memory: bool,
    ) -> dict[int, Tensor]:
        """The outputs of the wanted blocks behind block `after`.

        Args:
            x: (B, T, D), the output of block `after`, or of `add_positions` where that is 0.
            padding_mask: (B, T) bool, True at padding; None where there is none.
            after: a block number.
            wanted: block numbers; blocks behind the last of them are not run.
            save_memory: whether to use activation checkpointing.

        Returns:
            (B, T, D) by the number of the block.
        """
        hidden = {}
        for number in range(after + 1, max(wanted) + 1):
            layer = cast(EncoderBlock, self.layers[number - 1])
            x = (layer.checkpointed if save_memory else layer)(x, padding_mask)
            if number in wanted:
                hidden[number] = self.layer_norm(x) if number == len(self.layers) else x
        return hidden


class XLSR(Encoder):
    """XLS-R, loaded by `fad.encoders.checkpoint`.

    Args:
        config: the shape.
        layers: the outputs to give: `last`, `all`, or block numbers from 1.
        num_blocks: keeps only the first blocks, as if there were no others; all by default.

    Attributes:
        activation_checkpointing: whether the blocks keep less in training and compute it again.
        squeeze: how many neighbouring frames are averaged into one before the blocks.

    Raises:
        FadError: `layers` names a block that is not there, or there are fewer than `num_blocks`.
    """

    def __init__(
        self,
        config: XLSRConfig,
        layers: str | list[int] = "all",
        num_blocks: int | None = None,
    ) -> None:
        super().__init__(
            dim=config.dim,
            num_layers=check_num_blocks(num_blocks, config.num_layers),
            num_heads=config.num_heads,
            layers=layers,
            grid=config.grid,
            normalize=config.normalize,
            normalize_eps=config.normalize_eps,
            parts=Parts("feature_extractor", "encoder.layers", "encoder.layer_norm"),
        )
        self.activation_checkpointing = False
        self.squeeze = 1
        self.feature_extractor = Frontend(config.grid, config.conv_bias)
        self.layer_norm = nn.LayerNorm(config.grid.channels)
        self.post_extract_proj = nn.Linear(config.grid.channels, config.dim)
        self.encoder = Transformer(config, self.num_layers)

    def use_activation_checkpointing(self) -> None:
        self.activation_checkpointing = True

    def compile_blocks(self) -> None:
        # Blocks share their code, so torch counts together what each of them needs: with a gradient
        # or without, adapted or plain, padded or not.
        torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
        for layer in self.blocks():
            layer.compile(dynamic=True)

    def pool(self, squeeze: int, query: int, key_value: int) -> None:
        self.squeeze = squeeze
        for module in self.blocks().modules():
            if isinstance(module, SelfAttention):
                module.query_pool, module.key_value_pool = query, key_value

    def wrap_block(self, number: int, wrap: Callable[[EncoderBlock], EncoderBlock]) -> None:
        layers = self.blocks()
        layers[number - 1] = wrap(cast(EncoderBlock, layers[number - 1]))

    def frontend(self, wav: Tensor, lens: Tensor) -> tuple[Tensor, Tensor]:
        return self.feature_extractor(wav), self.grid.num_frames(lens)

    def project(self, frames: Tensor) -> Tensor:
        return self.post_extract_proj(self.layer_norm(frames))

    def outputs(
        self, inputs: Tensor, lens: Tensor, boundary: Boundary, wanted: tuple[int, ...]
    ) -> tuple[list[Tensor], Tensor]:
        if boundary == NONE:
            inputs, lens = self.frontend(inputs, lens)
        mask = padding_mask(lens, inputs.shape[1])
        hidden: dict[int, Tensor] = {}
        if boundary <= FRONTEND:
            x = self.encoder.add_positions(self.project(inputs), mask)
            x, mask = mean_pool(x, mask, self.squeeze)
            lens = (lens + self.squeeze - 1) // self.squeeze
        else:
            numbers = needed_outputs(boundary, wanted)
            hidden = dict(zip(numbers, inputs.unbind(2), strict=True))
            x = hidden[boundary.depth]
        save_memory = self.activation_checkpointing and torch.is_grad_enabled()
        hidden |= self.encoder(x, mask, max(boundary.depth, 0), wanted, save_memory)
        return [hidden[number] for number in wanted], lens
