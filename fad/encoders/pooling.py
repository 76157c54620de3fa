"""Mean pooling over time."""

import torch
import torch.nn.functional as F
from torch import Tensor


def mean_pool(x: Tensor, padding_mask: Tensor | None, factor: int) -> tuple[Tensor, Tensor | None]:
    """Averages each `factor` neighbouring frames, padding left out.

    Args:
        x: (B, T, D).
        padding_mask: (B, T) bool, True at padding; None where there is none.
        factor: frames that become one; the last group of an utterance may have fewer. At 1 nothing
            changes.

    Returns:
        (B, ceil(T / factor), D), and the padding mask of these; None where there is none.
    """
    if factor == 1:
        return x, padding_mask
    short = -x.shape[1] % factor
    groups = F.pad(x, (0, 0, 0, short)).unflatten(1, (-1, factor))
    if padding_mask is None and not short:
        return groups.mean(2), None
    real = x.new_ones(x.shape[:2], dtype=torch.bool) if padding_mask is None else ~padding_mask
    real = F.pad(real, (0, short)).unflatten(1, (-1, factor))
    sums, counts = (groups * real[..., None]).sum(2), real.sum(2).clamp(min=1)
    return sums / counts[..., None], None if padding_mask is None else ~real.any(2)
