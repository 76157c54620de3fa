"""Self-attention that calls its four projections, so that an adapted projection takes effect."""

import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Multi-head self-attention with fairseq's parameter names.

    fairseq's `MultiheadAttention` hands the projections' weights to a fused function and never
    calls the modules: a LoRA layer put in their place is silently ignored. Here each projection is
    called, and `F.scaled_dot_product_attention` does the rest.

    Args:
        dim: the width D, a multiple of `num_heads`.
        num_heads: attention heads H.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = nn.Linear(dim, dim)
        self.k_proj = nn.Linear(dim, dim)
        self.v_proj = nn.Linear(dim, dim)
        self.out_proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """Attends within each utterance.

        Args:
            x: (B, T, D).
            keep: (B, T) bool, True on the frames to attend to; None attends to all.

        Returns:
            (B, T, D).
        """
        query, key, value = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        mask = None if keep is None else keep[:, None, None, :]
        out = F.scaled_dot_product_attention(
            self._split(query), self._split(key), self._split(value), attn_mask=mask
        )
        return self.out_proj(out.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, H, T, D / H)."""
        return x.unflatten(2, (self.num_heads, -1)).transpose(1, 2)
