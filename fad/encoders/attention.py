"""Self-attention that calls its four projections, so that an adapted projection has an effect."""

import torch.nn.functional as F
from torch import Tensor, nn

from fad.encoders.pooling import mean_pool


class SelfAttention(nn.Module):
    """Multi-head self-attention with fairseq's parameter names.

    fairseq's `MultiheadAttention` hands the projections' weights to a fused function and never
    calls the modules: a LoRA layer put in their place is silently ignored. Here each projection is
    called, and `F.scaled_dot_product_attention` does the rest.

    Args:
        dim: the width D, a multiple of `num_heads`.
        num_heads: attention heads H.

    Attributes:
        query_pool: how many neighbouring frames are averaged into one query; its output is repeated
            for all of them.
        key_value_pool: how many are averaged into one key and one value.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query_pool = self.key_value_pool = 1
        self.q_proj = nn.Linear(dim, dim)
        self.k_proj = nn.Linear(dim, dim)
        self.v_proj = nn.Linear(dim, dim)
        self.out_proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Attends within each utterance.

        Args:
            x: (B, T, D).
            padding_mask: (B, T) bool, True at padding, which is not attended to; None attends to
                all.

        Returns:
            (B, T, D).
        """
        # Pooled before the projections, which are linear: the mean of projections is the same.
        asking, _ = mean_pool(x, padding_mask, self.query_pool)
        asked, padding_mask = mean_pool(x, padding_mask, self.key_value_pool)
        query, key, value = self.q_proj(asking), self.k_proj(asked), self.v_proj(asked)
        mask = None if padding_mask is None else ~padding_mask[:, None, None, :]
        out = F.scaled_dot_product_attention(
            self._split(query), self._split(key), self._split(value), attn_mask=mask
        )
        out = self.out_proj(out.transpose(1, 2).flatten(2))
        if self.query_pool == 1:
            return out
        return out.repeat_interleave(self.query_pool, dim=1)[:, : x.shape[1]]

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, H, T, D / H)."""
        return x.unflatten(2, (self.num_heads, -1)).transpose(1, 2)
