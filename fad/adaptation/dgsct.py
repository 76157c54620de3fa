"""DG-SCT, dual-guided spatial-channel-temporal attention (arXiv 2311.05152), between two views."""

from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torchaudio.transforms import LFCC

from fad.adaptation.base import Adaptation, NotMergeable
from fad.adaptation.low_rank import check_size
from fad.encoders.base import Encoder, EncoderBlock
from fad.encoders.boundary import NONE, Boundary
from fad.utils.errors import FadError

SAMPLE_RATE = 16_000
COEFFICIENTS = 60  # of the LFCC, from as many filters
ALPHA, BETA = 0.3, 0.05  # weights of the channel and of the temporal map
REDUCTION, GROUPS = 8, 2  # of the bottleneck
KERNEL = 5  # frames that a block of the guide's branch sees


class GuidedAttention(nn.Module):
    """What a guide g adds to x: attention to tokens, two maps, and a bottleneck, as published.

        R    = tokens + attention(tokens, g, g)
        x'   = x + gate_1 attention(x, R, R)
        M_c  = sigmoid(W_c mean_t(ReLU(W_1 mean_t(g)) * ReLU(W_2 x')))              channels (D,)
        M_t  = sigmoid(W_t (ReLU(W_3 g) * ReLU(W_4 ((M_c + 1) x'))))                frames (T,)
        out  = gate_2 norm(up(ReLU(norm(down(x' (0.3 M_c + 0.05 M_t + 0.7))))))

    Both gates start at zero, so the output does too. Ours: attention is scaled by 1 / sqrt(D); the
    maps have an inner width of `width`; the temporal map takes the guide of the same frame; the
    channel map is computed directly from the mean, without one more layer of the authors' program;
    the norms are LayerNorms. With BatchNorm, as in the paper, a score would depend on the batch.

    Args:
        dim: the width D of x, a multiple of 16.
        guide_dim: the width E of the guide, which is projected to D first.
        width: inside the two maps.
        tokens: the number of learnable tokens.
    """

    def __init__(self, dim: int, guide_dim: int, width: int, tokens: int) -> None:
        super().__init__()
        self.project = nn.Linear(guide_dim, dim)
        self.tokens = nn.Parameter(torch.rand(tokens, dim))
        self.token_gate = nn.Parameter(torch.zeros(1))
        self.channel_guide, self.channel_x = nn.Linear(dim, width), nn.Linear(dim, width)
        self.channel_map = nn.Linear(width, dim)
        self.time_guide, self.time_x = nn.Linear(dim, width), nn.Linear(dim, width)
        self.time_map = nn.Linear(width, 1)
        small = dim // REDUCTION
        self.down = nn.Conv1d(dim, small, 1, groups=GROUPS, bias=False)
        self.down_norm = nn.LayerNorm(small)
        self.up = nn.Conv1d(small, dim, 1, groups=GROUPS, bias=False)
        self.up_norm = nn.LayerNorm(dim)
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, guide: Tensor, padding_mask: Tensor | None) -> Tensor:
        """What is added to x.

        Args:
            x: (B, T, D).
            guide: (B, T, E).
            padding_mask: (B, T) bool, True at padding; None where there is none.

        Returns:
            (B, T, D).
        """
        guide = self.project(guide)
        # The gates in the type of x: under autocast float32 would go on through all blocks behind.
        x = x + self.token_gate.to(x.dtype) * self._by_tokens(x, guide, padding_mask)
        channels, frames = self._maps(x, guide, padding_mask)
        x = x * (ALPHA * channels + BETA * frames + 1 - ALPHA)
        return self.gate.to(x.dtype) * self._bottleneck(x).to(x.dtype)

    def _by_tokens(self, x: Tensor, guide: Tensor, padding_mask: Tensor | None) -> Tensor:
        tokens = self.tokens.expand(len(x), -1, -1)
        mask = None if padding_mask is None else ~padding_mask[:, None, :]
        tokens = tokens + F.scaled_dot_product_attention(tokens, guide, guide, attn_mask=mask)
        return F.scaled_dot_product_attention(x, tokens, tokens)

    def _maps(self, x: Tensor, guide: Tensor, padding_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, 1, D) of channels and (B, T, 1) of frames."""
        asked = F.relu(self.channel_guide(_mean(guide, padding_mask)))
        both = _mean(asked * F.relu(self.channel_x(x)), padding_mask)
        channels = self.channel_map(both).sigmoid()
        attended = (channels + 1) * x
        both = F.relu(self.time_guide(guide)) * F.relu(self.time_x(attended))
        return channels, self.time_map(both).sigmoid()

    def _bottleneck(self, x: Tensor) -> Tensor:
        z = self.down(x.transpose(1, 2)).transpose(1, 2)
        z = self.up(F.relu(self.down_norm(z)).transpose(1, 2)).transpose(1, 2)
        return self.up_norm(z)


def _mean(x: Tensor, padding_mask: Tensor | None) -> Tensor:
    """The mean over real frames: (B, T, C) -> (B, 1, C)."""
    if padding_mask is None:
        return x.mean(1, keepdim=True)
    real = ~padding_mask[..., None]
    return (x * real).sum(1, keepdim=True) / real.sum(1, keepdim=True)


class GuideBlock(nn.Module):
    """A block of the guide's own branch, g + W gelu(depthwise convolution(LayerNorm(g)))."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.conv = nn.Conv1d(dim, dim, KERNEL, padding=KERNEL // 2, groups=dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, guide: Tensor, padding_mask: Tensor | None) -> Tensor:
        """(B, T, E) -> (B, T, E)."""
        x = self.norm(guide)
        if padding_mask is not None:  # otherwise padding would reach the last real frames
            x = x.masked_fill(padding_mask[..., None], 0)
        x = self.conv(x.transpose(1, 2)).transpose(1, 2)
        return guide + self.out(F.gelu(x))


class Pair(nn.Module):
    """One depth of both: the guide's block, then each view guided by the other."""

    def __init__(self, dim: int, guide_dim: int, width: int, tokens: int) -> None:
        super().__init__()
        self.own = GuideBlock(guide_dim)
        self.to_guide = GuidedAttention(guide_dim, dim, width, tokens)
        self.to_x = GuidedAttention(dim, guide_dim, width, tokens)

    def forward(
        self, x: Tensor, guide: Tensor, padding_mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """x (B, T, D) behind the encoder's block, guide (B, T, E) -> both behind this depth."""
        guide = self.own(guide, padding_mask)
        guide = guide + self.to_guide(guide, x, padding_mask)
        return x + self.to_x(x, guide, padding_mask), guide


class Guide(nn.Module):
    """The second view: an LFCC of the prepared waveform on the encoder's own frames, projected.

    Its window and hop are the frontend's: a frame sees the same samples, there are as many, and
    padding reaches none that is real.

    Attributes:
        current: (B, T, E), as far as it has come in this pass through the encoder.
    """

    def __init__(self, window: int, hop: int, dim: int) -> None:
        super().__init__()
        self.lfcc = LFCC(
            SAMPLE_RATE,
            n_filter=COEFFICIENTS,
            n_lfcc=COEFFICIENTS,
            log_lf=True,  # decibels would be cut off at a distance from the loudest of the batch
            speckwargs={"n_fft": window, "hop_length": hop, "center": False},
        )
        self.project, self.norm = nn.Linear(COEFFICIENTS, dim), nn.LayerNorm(dim)
        self.current: Tensor | None = None

    def begin(self, wav: Tensor) -> None:
        """Takes waveforms (B, S), for the pass that comes."""
        with torch.autocast(wav.device.type, enabled=False):
            features = self.lfcc(wav.float()).transpose(1, 2)
        self.current = self.norm(self.project(features))


class GuidedBlock(EncoderBlock):
    """A block of the encoder with a `Pair` behind it, under the call of `Encoder.wrap_block`.

    Args:
        block: the encoder's.
        pair: of this depth.
        guide: shared by all depths; not a submodule of each.
    """

    def __init__(self, block: EncoderBlock, pair: Pair, guide: Guide) -> None:
        super().__init__()
        self.block, self.pair = block, pair
        self._guide = (guide,)  # in a tuple, where torch does not take it for a submodule

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        (guide,) = self._guide
        x, guide.current = self.pair(self.block(x, padding_mask), guide.current, padding_mask)
        return x

    def checkpointed(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """`forward` that keeps only the inputs of the parts and computes the rest again."""
        (guide,) = self._guide
        x = self.block.checkpointed(x, padding_mask)
        x, guide.current = checkpoint(
            self.pair, x, guide.current, padding_mask, use_reentrant=False
        )
        return x

    def compile(self, **options: Any) -> None:
        """Compiles only the encoder's block, since the guide is passed on outside of the call."""
        self.block.compile(**options)


class DGSCT(Adaptation):
    """Two views of one audio that guide each other: the encoder's blocks, and an LFCC's branch.

    Behind each block of the frozen encoder, the guide goes through a small block of its own and is
    guided by x; then x <- x + `GuidedAttention` of x and the guide. All gates start at zero, so
    step 0 equals the base model.

    The paper adapts two frozen encoders, of images and of sound, to each other, twice a block, and
    its maps have the full width D. Ours: the guide is an LFCC with its own branch, one pair
    a block, the guide comes before x, and `width`. The temporal map is over frames; the paper has a
    spatial map over patches there, with the same weight.

    The guide needs the waveform, so nothing can be stored, although the frontend is frozen. With D
    and E the two widths, w `width`, k `tokens` and P(a, b) = a b + a + k a + 5 a w + 5 w + 3 + a
    + a^2 / 8 + 2 a + a / 4, there are

        blocks * (P(D, E) + P(E, D) + E^2 + 9 E) + 63 E

    parameters: 15,737,808 in XLS-R 300M.

    Args:
        guide_dim: E, a multiple of 16.
        width: w.
        tokens: k, learnable tokens of each `GuidedAttention`.

    Raises:
        FadError: a number out of its range, or (in `attach`) an encoder that runs nothing between
            its blocks.
    """

    def __init__(self, guide_dim: int, width: int, tokens: int = 32) -> None:
        sizes = {"guide_dim": guide_dim, "width": width, "tokens": tokens}
        for name, value in sizes.items():
            check_size(name, value)
        if guide_dim % (REDUCTION * GROUPS):
            raise FadError(
                f"adaptation_conf: guide_dim is {guide_dim}; it must be a multiple of "
                f"{REDUCTION * GROUPS}"
            )
        self.guide_dim, self.width, self.tokens = guide_dim, width, tokens

    def _wrap(self, encoder: Encoder) -> None:
        if encoder.dim % (REDUCTION * GROUPS):
            raise FadError(
                f"adaptation 'dgsct': this encoder has a width of {encoder.dim}, and it needs a "
                f"multiple of {REDUCTION * GROUPS}"
            )
        encoder.guide = Guide(encoder.grid.window, encoder.grid.hop, self.guide_dim)
        for number in range(1, max(encoder.wanted) + 1):
            pair = Pair(encoder.dim, self.guide_dim, self.width, self.tokens)
            encoder.wrap_block(number, partial(GuidedBlock, pair=pair, guide=encoder.guide))
        encoder.register_forward_pre_hook(_begin)

    def owned(self) -> dict[str, nn.Parameter]:
        return {
            name: value
            for name, value in self.encoder.named_parameters()
            if name.startswith("guide.") or ".pair." in name
        }

    @property
    def boundary(self) -> Boundary:
        return NONE

    def merge(self) -> Encoder:
        raise NotMergeable("what it adds depends on a second view of the audio")


def _begin(encoder: Encoder, inputs: tuple[Any, ...]) -> None:
    wav, _lens, *boundary = inputs
    if boundary and boundary[0] != NONE:
        raise ValueError("the guide needs waveforms")
    cast(Guide, encoder.guide).begin(wav)
