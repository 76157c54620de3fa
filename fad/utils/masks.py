"""Which frames of a padded batch are real."""

import torch
from torch import Tensor


def length_mask(lens: Tensor, size: int) -> Tensor | None:
    """(B, T) bool, True inside each length; None where every length is `size`: nothing to mask."""
    keep = torch.arange(size, device=lens.device) < lens[:, None]
    return None if bool(keep.all()) else keep
