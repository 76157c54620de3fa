"""LAST, low-rank attention side-tuning (arXiv 2402.04009): nothing in the encoder changes."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.adaptation.base import Adaptation, NotMergeable
from fad.adaptation.low_rank import check_size
from fad.encoders.base import Encoder
from fad.encoders.boundary import Boundary, block
from fad.utils.errors import FadError
from fad.utils.masks import padding_mask


class LowRankAttention(nn.Module):
    """LSA(x) = up softmax(Q K^T / sqrt(r)) V, with one head of width r and no feed-forward part.

    x is normalised over its width before the projections: sums of outputs grow from block to block.
    None has a bias (a key's would never get a gradient). `up` starts at zero, and so does LSA.

    Args:
        dim: the width D of the encoder.
        rank: r.
    """

    def __init__(self, dim: int, rank: int) -> None:
        super().__init__()
        self.query = nn.Linear(dim, rank, bias=False)
        self.key = nn.Linear(dim, rank, bias=False)
        self.value = nn.Linear(dim, rank, bias=False)
        self.up = nn.Linear(rank, dim, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """Attends within each utterance.

        Args:
            x: (B, T, D).
            padding_mask: (B, T) bool, True at padding; None where there is none.

        Returns:
            (B, T, D).
        """
        x = F.layer_norm(x, x.shape[-1:])
        mask = None if padding_mask is None else ~padding_mask[:, None, None, :]
        query, key, value = (project(x)[:, None] for project in (self.query, self.key, self.value))
        return self.up(F.scaled_dot_product_attention(query, key, value, attn_mask=mask)[:, 0])


class LAST(Adaptation):
    """A side network of low-rank attention over the outputs z_1 to z_m of the encoder's blocks.

    u_i = (u_{i-1} + z_i) + LSA_i(u_{i-1} + z_i) with u_0 = 0, and the back-end gets the one output
    u_m - (z_1 + ... + z_{m-1}): the last output and all that the side network has added, so that
    step 0 is the base model. The backward pass does not enter the encoder. There are `m * 4 * D *
    r` parameters: 1,572,864 for 24 blocks at rank 16 in XLS-R 300M.

    The paper has one such block behind each group of blocks of a vision transformer, and subtracts
    that sum from the output of the side network; no code was published. Assumed: the equation, the
    normalisation, one head, no biases. The paper's z_0, the input of the transformer, is left
    out: encoders do not give it and stage 2 does not store it.

    Args:
        rank: r, at least 1.
        every: g, takes each g-th of the outputs that `encoder_conf.layers` asks for.

    Raises:
        FadError: a number out of its range, or (in `attach`) outputs that are no multiple of it.
    """

    def __init__(self, rank: int, every: int = 1) -> None:
        check_size("rank", rank)
        check_size("every", every)
        self.rank, self.every = rank, every

    def _wrap(self, encoder: Encoder) -> None:
        there = len(encoder.wanted)
        if there % self.every:
            raise FadError(
                f"adaptation_conf: every is {self.every}, and encoder_conf.layers asks for {there} "
                "outputs: give a divisor of their number, so that the last is taken"
            )
        encoder.wanted = encoder.wanted[self.every - 1 :: self.every]
        # In the encoder, so that it is moved, counted and saved with it.
        encoder.side = self._side = nn.ModuleList(
            [LowRankAttention(encoder.dim, self.rank) for _ in encoder.wanted]
        )

    def owned(self) -> dict[str, nn.Parameter]:
        return dict(self._side.named_parameters(prefix="side"))

    @property
    def num_outputs(self) -> int:
        return 1

    def outputs(self, hidden: list[Tensor], lens: Tensor) -> list[Tensor]:
        mask = padding_mask(lens, hidden[0].shape[1])
        # u_i = z_1 + ... + z_i + `added`: in two parts, nothing is lost in the last difference.
        # In float32: 24 outputs in half precision lose digits, and stored blocks are in float32.
        total = added = torch.zeros_like(hidden[0], dtype=torch.float32)
        for attend, z in zip(self._side, hidden, strict=True):
            total = total + z
            added = added + attend((total + added).to(z.dtype), mask)
        return [(hidden[-1] + added).to(hidden[-1].dtype)]

    @property
    def boundary(self) -> Boundary:
        return block(max(self.encoder.wanted))

    def merge(self) -> Encoder:
        raise NotMergeable("its side network stands beside the encoder, not in its weights")
