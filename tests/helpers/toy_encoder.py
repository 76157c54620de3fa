"""A family of encoders of a user's own, as one would write it: one file, and the names in it.

Post-norm blocks whose weights come from a wav2vec 2.0 checkpoint.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.encoders.base import Encoder, Parts
from fad.encoders.boundary import FRONTEND, NONE, Boundary, needed_outputs
from fad.encoders.frame_grid import FrameGrid
from fad.encoders.frontend import Frontend
from fad.encoders.pretrained import Checkpoint, checked_sizes
from fad.utils.masks import padding_mask

LINEAR = {
    "q_proj": "ask.query",
    "k_proj": "ask.key",
    "v_proj": "ask.value",
    "out_proj": "ask.out",
    "fc1": "widen",
    "fc2": "narrow",
}
# Names in the checkpoint -> names here.
NAMES = {
    "feature_extractor.": "audio.",
    "layer_norm.": "norm.",
    "post_extract_proj.": "enter.",
    "encoder.layers.": "stack.",
    ".self_attn_layer_norm.": ".first_norm.",
    ".final_layer_norm.": ".second_norm.",
    **{f".self_attn.{name}.": f".{LINEAR[name]}." for name in list(LINEAR)[:4]},
    ".fc1.": ".widen.",
    ".fc2.": ".narrow.",
}


class Asking(nn.Module):
    """Self-attention."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query, self.key = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.value, self.out = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor, padding: Tensor | None) -> Tensor:
        """(B, T, D), `padding` (B, T) bool -> (B, T, D)."""
        parts = (layer(x) for layer in (self.query, self.key, self.value))
        heads = (part.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for part in parts)
        mask = None if padding is None else ~padding[:, None, None]
        found = F.scaled_dot_product_attention(*heads, attn_mask=mask)
        return self.out(found.transpose(1, 2).flatten(2))


class ToyBlock(nn.Module):
    """A post-norm block."""

    def __init__(self, dim: int, width: int, num_heads: int) -> None:
        super().__init__()
        self.ask = Asking(dim, num_heads)
        self.first_norm, self.second_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.widen, self.narrow = nn.Linear(dim, width), nn.Linear(width, dim)

    def forward(self, x: Tensor, padding: Tensor | None) -> Tensor:
        """(B, T, D), `padding` (B, T) bool -> (B, T, D)."""
        x = self.first_norm(x + self.ask(x, padding))
        return self.second_norm(x + self.narrow(F.silu(self.widen(x))))


class Toy(Encoder):
    """Frames, a projection and post-norm blocks without positions."""

    def __init__(
        self, grid: FrameGrid, sizes: dict[str, int], normalize: bool, layers: str | list[int]
    ) -> None:
        dim, count = sizes["encoder_embed_dim"], sizes["encoder_layers"]
        heads = sizes["encoder_attention_heads"]
        super().__init__(
            dim=dim,
            num_layers=count,
            num_heads=heads,
            layers=layers,
            grid=grid,
            normalize=normalize,
            parts=Parts(frontend="audio", blocks="stack", final_norm=None, linear=LINEAR),
        )
        self.audio = Frontend(grid, conv_bias=True)
        self.norm, self.enter = nn.LayerNorm(grid.channels), nn.Linear(grid.channels, dim)
        self.stack = nn.ModuleList(
            [ToyBlock(dim, sizes["encoder_ffn_embed_dim"], heads) for _ in range(count)]
        )

    def frontend(self, wav: Tensor, lens: Tensor) -> tuple[Tensor, Tensor]:
        return self.audio(wav), self.grid.num_frames(lens)

    def project(self, frames: Tensor) -> Tensor:
        return self.enter(self.norm(frames))

    def outputs(
        self, inputs: Tensor, lens: Tensor, boundary: Boundary, wanted: tuple[int, ...]
    ) -> tuple[list[Tensor], Tensor]:
        if boundary == NONE:
            inputs, lens = self.frontend(inputs, lens)
        if boundary <= FRONTEND:
            hidden = {0: self.project(inputs)}
        else:
            numbers = needed_outputs(boundary, wanted)
            hidden = dict(zip(numbers, inputs.unbind(2), strict=True))
        mask = padding_mask(lens, inputs.shape[1])
        for number in range(max(boundary.depth, 0) + 1, max(wanted) + 1):
            hidden[number] = self.stack[number - 1](hidden[number - 1], mask)
        return [hidden[number] for number in wanted], lens


def load_toy(checkpoint: Checkpoint, layers: str | list[int] = "all") -> Toy:
    """Builds the encoder and gives it those tensors of the checkpoint that it has."""
    with torch.device("meta"):
        grid, sizes = FrameGrid(checkpoint.conv_layers), checked_sizes(checkpoint)
        encoder = Toy(grid, sizes, checkpoint.normalize, layers)
    state = {_ours(name): value for name, value in checkpoint.encoder_state().items()}
    wanted = encoder.state_dict()
    encoder.load_state_dict({name: state[name] for name in wanted}, strict=True, assign=True)
    return encoder


def _ours(name: str) -> str:
    for theirs, ours in NAMES.items():
        at_start = not theirs.startswith(".")
        name = name.replace(theirs, ours) if not at_start or name.startswith(theirs) else name
    return name
