"""Mean pooling over time."""

import torch.nn.functional as F
from torch import Tensor


def mean_pool(x: Tensor, keep: Tensor | None, factor: int) -> tuple[Tensor, Tensor | None]:
    """Averages each `factor` neighbouring frames; padding counts for nothing.

    Args:
        x: (B, T, D).
        keep: (B, T) bool, True at real frames; None where all are.
        factor: at 1 all stays as it is; the last group of an utterance may have fewer real frames.

    Returns:
        (B, ceil(T / factor), D), and which of these have a real frame; None where all have.
    """
    if factor == 1:
        return x, keep
    short = -x.shape[1] % factor
    groups = F.pad(x, (0, 0, 0, short)).unflatten(1, (-1, factor))
    if keep is None and not short:
        return groups.mean(2), None
    real = x.new_ones(x.shape[:2], dtype=bool) if keep is None else keep
    real = F.pad(real, (0, short)).unflatten(1, (-1, factor))
    sums, counts = (groups * real[..., None]).sum(2), real.sum(2).clamp(min=1)
    return sums / counts[..., None], None if keep is None else real.any(2)
