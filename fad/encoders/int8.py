"""Linear layers in 8-bit integers, for scoring on a CPU.

Each output channel has a scale a_o: W = a_o W_q with W_q in -127 to 127. Each frame x has its own
lowest value l and step s, found in scoring: x = l + s x_q with x_q in 0 to 127. Then

    W x + b = s a_o (W_q x_q) + l (a_o sum_i W_q) + b,

whose only large product is of integers and exact. Since each frame has its own step, it does not
depend on the rest of the batch, and a loud frame takes no precision from the others.
"""

from typing import cast

import torch
from torch import Tensor, nn

from fad.encoders.base import Encoder
from fad.encoders.mapped import release
from fad.utils.errors import FadError

_WEIGHT_MAX = 127
# 7 bits: a CPU without VNNI instructions adds two products of bytes in 16 bits, which hold twice
# 127 * 127 and not twice 255 * 127: with 8 bits, large sums would be cut off in silence.
_INPUT_MAX = 127


class Int8Linear(nn.Module):
    """`nn.Linear` with its weight in 8 bits; only for inference.

    Args:
        linear: the layer whose weight and bias it takes; its float weight is not kept.
    """

    weight: Tensor
    scale: Tensor
    row_sums: Tensor
    bias: Tensor
    zero_points: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight, scale = quantise_weight(linear.weight.detach())
        self.register_buffer("scale", scale)
        self.register_buffer("row_sums", scale * weight.sum(1, dtype=torch.int32))
        bias = torch.zeros_like(scale) if linear.bias is None else linear.bias.detach().clone()
        self.register_buffer("bias", bias)
        self.register_buffer("zero_points", torch.zeros_like(scale, dtype=torch.int32))
        self.register_buffer("weight", torch.ops.onednn.qlinear_prepack(weight, None))

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_in) float32 -> (..., d_out) float32."""
        rows, low, step = quantise_rows(x.flatten(0, -2))
        products = torch.ops.onednn.qlinear_pointwise(
            rows, 1.0, 0, self.weight, self.scale, self.zero_points,
            None, 1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        shift = torch.addcmul(self.bias, low, self.row_sums)
        return shift.addcmul_(products, step).unflatten(0, x.shape[:-1])


def quantise_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(d_out, d_in) -> the same in int8, -127 to 127, and each row's scale, (d_out,)."""
    scale = torch.maximum(weight.amax(1), -weight.amin(1)) / _WEIGHT_MAX
    scale.clamp_(min=torch.finfo(torch.float32).tiny)
    return (weight / scale[:, None]).round_().to(torch.int8), scale


def quantise_rows(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(N, d_in) -> uint8 of 0 to 127, and each row's lowest value and step, (N, 1) each."""
    low = x.amin(1, keepdim=True)
    step = (x.amax(1, keepdim=True) - low) / _INPUT_MAX
    step.clamp_(min=torch.finfo(torch.float32).tiny)
    # Adding a half and cutting off rounds; through int8, since torch is slow from float to uint8.
    rows = torch.sub(x, low).mul_(1 / step).add_(0.5).to(torch.int8)
    return rows.view(torch.uint8), low, step


def quantise(encoder: Encoder) -> None:
    """Puts an `Int8Linear` in the place of each linear layer in the encoder's blocks.

    Also of those that an adaptation has added. Each float weight is freed before the next is
    converted, so that memory never holds both forms of all.

    Args:
        encoder: on the CPU, with nothing but plain linear layers in its blocks.

    Raises:
        FadError: it lies on a GPU, has other layers, or this torch has no such products.
    """
    if next(encoder.parameters()).device.type != "cpu":
        raise FadError("--precision int8 is for a CPU: give --ngpu 0 or --precision fp32")
    if not torch.backends.mkldnn.is_available():
        raise FadError("--precision int8: this torch is built without oneDNN; give fp32")
    names = [
        name
        for name, module in encoder.blocks().named_modules(prefix=encoder.parts.blocks)
        if isinstance(module, nn.Linear)
    ]
    for name in names:
        if type(encoder.get_submodule(name)) is not nn.Linear:
            raise FadError(
                f"--precision int8: {name} is not a plain linear layer, since this adaptation "
                "cannot be merged into the encoder: give --precision fp32"
            )
    for name in names:
        linear = cast(nn.Linear, encoder.get_submodule(name))
        encoder.set_submodule(name, Int8Linear(linear))
        release(linear.weight)
