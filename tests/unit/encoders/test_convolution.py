"""The positional convolution in half precision, with the fault that oneDNN has on AMX."""

import contextlib

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from fad.config import registry
from fad.encoders.boundary import FRONTEND
from fad.encoders.checkpoint import read_checkpoint
from fad.encoders.convolution import Conv1d, conv1d, replace_convolutions

CONVOLUTIONS = (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)
ROUNDED = 0.03  # norm of the difference over that of float32: 8 bits of mantissa through two blocks
ROUNDED_GRADIENT = 0.1


class FaultOfAMX(TorchDispatchMode):
    """Garbage from half precision, narrow groups and a long even kernel, in both directions.

    Below autocast and autograd, where oneDNN is called.

    Attributes:
        met: how many such convolutions there were.
        seen: how many convolutions there were.
    """

    def __init__(self) -> None:
        super().__init__()
        self.met = self.seen = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        if function not in CONVOLUTIONS:
            return out
        self.seen += 1
        weight = args[CONVOLUTIONS.index(function) + 1]
        narrow, kernel = weight.shape[1] < 16, weight.shape[-1]
        if weight.dtype.itemsize > 2 or not narrow or kernel < 16 or kernel % 2:
            return out
        self.met += 1
        outs = out if isinstance(out, tuple) else (out,)
        for value in outs:
            if value is not None:
                value.copy_(value.float().std() * torch.randn(value.shape))
        return out


def parameters(channels: int, groups: int, kernel: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    x, weight = torch.randn(2, channels, 40), torch.randn(channels, channels // groups, kernel)
    return [x.requires_grad_(), weight.requires_grad_(), torch.randn(channels).requires_grad_()]


def results(function, dtype, *shape) -> list[torch.Tensor]:
    """The output and the three gradients."""
    x, weight, bias = (value.detach().to(dtype).requires_grad_() for value in parameters(*shape))
    y = function(x, weight, bias, padding=shape[2] // 2, groups=shape[1])
    y.float().square().sum().backward()
    return [y.detach(), x.grad, weight.grad, bias.grad]


def distance(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return ((found.float() - wanted.float()).norm() / wanted.float().norm()).item()


def test_the_planted_fault_is_the_one_that_was_seen():
    with FaultOfAMX() as fault:
        broken = results(F.conv1d, torch.bfloat16, 48, 4, 16)
        assert (fault.met, fault.seen) == (2, 2)
        for shape in ((64, 4, 16), (48, 4, 15), (48, 4, 8)):
            results(F.conv1d, torch.bfloat16, *shape)
        results(F.conv1d, torch.float32, 48, 4, 16)
        assert (fault.met, fault.seen) == (2, 10)
    wanted = results(F.conv1d, torch.float32, 48, 4, 16)
    assert all(distance(*pair) > 1 for pair in zip(broken[:3], wanted[:3], strict=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(48, 4, 16), (96, 8, 128), (32, 2, 16), (48, 4, 15)])
def test_it_is_near_float32_with_its_gradients(shape, dtype):
    wanted = results(F.conv1d, torch.float32, *shape)
    with FaultOfAMX() as fault:
        found = results(conv1d, dtype, *shape)
    assert fault.met == 0
    assert {value.dtype for value in found} == {dtype}
    assert all(distance(*pair) < 0.01 for pair in zip(found, wanted, strict=True))


@pytest.mark.parametrize("shape", [(48, 4, 16), (1024, 16, 128)])
def test_in_float32_it_is_torchs_own_to_the_bit(shape):
    pairs = zip(
        results(conv1d, torch.float32, *shape),
        results(F.conv1d, torch.float32, *shape),
        strict=True,
    )
    assert all(torch.equal(a, b) for a, b in pairs)


def test_wide_groups_stay_in_half_precision():
    with FaultOfAMX() as fault, torch.autocast("cpu", torch.bfloat16):
        assert conv1d(*parameters(64, 4, 16)[:2], None, 8, 4).dtype == torch.bfloat16
        assert fault.seen == 1
    pair = (results(f, torch.bfloat16, 64, 4, 16) for f in (conv1d, F.conv1d))
    assert all(torch.equal(a, b) for a, b in zip(*pair, strict=True))


def test_a_module_keeps_its_parameters_names_and_weight_norm():
    torch.manual_seed(0)
    conv = nn.utils.weight_norm(nn.Conv1d(48, 48, 16, padding=8, groups=4), dim=2)
    theirs = nn.Sequential(conv, nn.GELU())
    x, names = torch.randn(2, 48, 20), list(theirs.state_dict())
    wanted = theirs(x)
    replace_convolutions(theirs)
    assert type(theirs[0]) is Conv1d
    assert list(theirs.state_dict()) == names
    assert torch.equal(theirs(x), wanted)
    with FaultOfAMX() as fault:
        theirs.bfloat16()(x.bfloat16()).float().sum().backward()
    assert fault.met == 0
    assert theirs[0].weight_v.grad.dtype == torch.bfloat16


@pytest.fixture(params=sorted(registry.SLOTS["encoder"]))
def build(request, mini_file):
    return lambda: registry.get("encoder", request.param)(read_checkpoint(mini_file)).eval()


def encoded(encoder, how: str) -> list[torch.Tensor]:
    """The outputs of stored frames, real ones, and the gradients of all behind the frontend."""
    torch.manual_seed(0)
    frames, lens = torch.randn(3, 20, encoder.grid.channels), torch.tensor([20, 15, 12])
    if how == "converted":
        encoder, frames = encoder.bfloat16(), frames.bfloat16()
    autocast = torch.autocast("cpu", torch.bfloat16, cache_enabled=False)
    with autocast if how == "autocast" else contextlib.nullcontext():
        hidden, _ = encoder(frames, lens, FRONTEND)
        real = [torch.cat([x[i, :n] for i, n in enumerate(lens)]) for x in hidden]
        sum(x.float().square().mean() for x in real).backward()
    gradients = {
        name: value.grad
        for name, value in encoder.named_parameters()
        # A key's bias cannot change an output: its gradient is rounding noise.
        if value.grad is not None and not name.endswith("k_proj.bias")
    }
    return [*(x.detach() for x in real), *(gradients[name] for name in sorted(gradients))]


@pytest.mark.parametrize("how", ["autocast", "converted"])
def test_no_encoder_reaches_the_fault(build, how):
    wanted = encoded(build(), "float32")
    with FaultOfAMX() as fault:
        found = encoded(build(), how)
    assert fault.seen > 0
    assert fault.met == 0
    assert all(x.dtype == torch.bfloat16 for x in found[:2])
    assert len(found) == len(wanted) > 20
    distances = [distance(*pair) for pair in zip(found, wanted, strict=True)]
    assert max(distances[:2]) < ROUNDED
    assert max(distances[2:]) < ROUNDED_GRADIENT
