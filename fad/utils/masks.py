"""Which frames of a padded batch are padding."""

import torch
from torch import Tensor


def padding_mask(lens: Tensor, size: int) -> Tensor | None:
    """The mask (B, size) bool, True at padding; None without padding.

    Args:
        lens: (B,) frames in each utterance.
        size: frames of the padded batch.
    """
    mask = torch.arange(size, device=lens.device) >= lens[:, None]
    return mask if bool(mask.any()) else None
