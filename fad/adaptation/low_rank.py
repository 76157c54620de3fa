"""Parts of low-rank methods: W x + b + U V x, with U and V of rank r, and its merge into W.

Also checks of ranks and widths, which other methods use too.
"""

import sys

import torch.nn.functional as F
from torch import Tensor, nn

from fad.utils.errors import FadError

MOST = 2**16  # of a rank, a size or a width: more is a slip, and would take all memory


def add_low_rank(base: Tensor, rows: Tensor, down: Tensor, up: Tensor) -> Tensor:
    """base + rows V^T U^T, written over base, in the type of base.

    The inputs are rows, not (B, T, D): there F.linear gives a view, and autograd copies what is
    added to a view in place.

    Args:
        base: (N, d_out), not used again.
        rows: (N, d_in).
        down: V (r, d_in).
        up: U (d_out, r), multiplied by the scale of the update, since it is small.

    Returns:
        (N, d_out).
    """
    low = F.linear(rows, down)
    return base.addmm_(low, up.t().to(base.dtype))


def merged_linear(layer: nn.Linear, down: Tensor, up: Tensor) -> nn.Linear:
    """A plain frozen layer of weight W + U V, with the layer's own bias.

    Args:
        layer: has W (d_out, d_in) and the bias.
        down: V (r, d_in).
        up: U (d_out, r), scaled.
    """
    plain = nn.Linear(layer.in_features, layer.out_features, device="meta")
    plain.weight = nn.Parameter(layer.weight + up @ down, requires_grad=False)
    plain.bias = layer.bias
    return plain


def check_rank_and_alpha(rank: int, alpha: float) -> None:
    """Checks a config's rank and alpha.

    Raises:
        FadError: no whole number from 1, or no number over 0.
    """
    check_size("rank", rank)
    if not is_number(alpha) or not 0 < alpha < sys.float_info.max:
        raise FadError(f"adaptation_conf: alpha is {alpha}; it must be a number over 0")


def check_size(name: str, value: int) -> None:
    """Checks a rank or a width of a config.

    Raises:
        FadError: no whole number from 1, or one that no encoder has use for.
    """
    if type(value) is not int or value < 1:
        raise FadError(f"adaptation_conf: {name} is {value}; it must be a whole number from 1")
    if value > MOST:
        raise FadError(f"adaptation_conf: {name} is {value}; it must be at most {MOST}")


def is_number(value: object) -> bool:
    """Whether a value is an integer or a float: not a boolean, not a string."""
    return type(value) in (int, float)
