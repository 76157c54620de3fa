"""Linear layers in integers: products that are exact, frames with a scale of their own."""

import pytest
import torch
from torch import nn

from fad.adaptation.lora import LowRankLinear
from fad.config.resolve import load_config
from fad.encoders.int8 import Int8Linear, quantise, quantise_rows, quantise_weight
from fad.models.detector import build_detector
from fad.utils.errors import FadError
from tests.helpers import contract
from tests.helpers.contract import logits

GAUSSIAN = 0.025  # norm of the error over that of the output, weight and input Gaussian
TINY_MODEL = 0.02  # on logits near 1, of two blocks of width 48 with random weights


def linear(weight: torch.Tensor, bias: torch.Tensor | None = None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight = nn.Parameter(weight.float())
    layer.bias = nn.Parameter(torch.zeros(len(weight)) if bias is None else bias)
    return layer


def integers(kind: str, rows: int, d_in: int, d_out: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs 0 to 127 and weights -127 to 127 that quantise to themselves, with scales of 1."""
    generator = torch.Generator().manual_seed(rows)
    if kind == "any":
        x = torch.randint(0, 128, (rows, d_in), generator=generator)
        weight = torch.randint(-127, 128, (d_out, d_in), generator=generator)
    else:  # all sums of neighbours as large as they get, of either sign
        x = torch.full((rows, d_in), 127)
        weight = torch.full((d_out, d_in), 127)
        weight[1::2] = -127
    x[:, 0], weight[:, 0] = 0, 127
    x[:, 1] = 127
    return x, weight


@pytest.mark.parametrize("kind", ["any", "extreme"])
@pytest.mark.parametrize("rows", [1, 2, 33, 199])
@pytest.mark.parametrize(("d_in", "d_out"), [(512, 64), (1024, 256), (48, 96), (97, 5)])
def test_the_product_of_integers_is_exact(kind, rows, d_in, d_out):
    x, weight = integers(kind, rows, d_in, d_out)
    expected = x @ weight.T  # in int64
    assert expected.abs().max() < 2**24, "float32 has these integers"
    assert torch.equal(Int8Linear(linear(weight))(x.float()).long(), expected)


def test_it_is_near_the_float_layer():
    torch.manual_seed(0)
    layer, x = nn.Linear(256, 128), torch.randn(2, 50, 256)
    expected = layer(x)
    found = Int8Linear(layer)(x)
    assert found.shape == expected.shape
    assert ((found - expected).norm() / expected.norm()).item() < GAUSSIAN


def test_a_loud_frame_does_not_change_another():
    torch.manual_seed(0)
    layer, x = Int8Linear(nn.Linear(64, 32)), torch.randn(1, 6, 64)
    alone = layer(x)
    x[0, 3, 5:7] = torch.tensor([1000.0, -1000.0])
    found = layer(x)
    kept = [0, 1, 2, 4, 5]
    assert torch.equal(found[0, kept], alone[0, kept])
    assert not torch.equal(found[0, 3], alone[0, 3])


def test_frames_of_one_value_and_silent_ones_are_right():
    torch.manual_seed(0)
    layer = nn.Linear(64, 32)
    weight, scale = quantise_weight(layer.weight.detach())
    rounded = linear(weight * scale[:, None], layer.bias.detach())
    x = torch.stack([torch.zeros(64), torch.full((64,), -3.5), torch.full((64,), 1e-42)])
    assert torch.allclose(Int8Linear(layer)(x), rounded(x), atol=1e-5)


def test_a_channel_without_weights_gives_its_bias():
    layer = linear(torch.zeros(3, 8), torch.tensor([1.0, 2.0, -3.0]))
    assert Int8Linear(layer)(torch.randn(2, 8)).tolist() == [[1.0, 2.0, -3.0]] * 2


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_stays_so(bad):
    x = torch.ones(3, 8)
    x[1, 4] = bad
    found = Int8Linear(nn.Linear(8, 4))(x).isfinite().all(dim=1)
    assert found.tolist() == [True, False, True]


def test_rows_use_all_of_their_seven_bits():
    rows, low, step = quantise_rows(torch.tensor([[-0.5, 0.0, 12.2], [3.0, 4.0, 5.0]]))
    assert rows.dtype == torch.uint8
    assert rows.tolist() == [[0, 5, 127], [0, 64, 127]]
    assert low.flatten().tolist() == [-0.5, 3.0]
    assert step.flatten().tolist() == pytest.approx([0.1, 2 / 127])


@pytest.mark.parametrize("encoder", ["xlsr", "fairseq_xlsr"])
def test_an_encoder_in_integers_scores_nearly_as_in_float(mini_file, encoder):
    torch.manual_seed(0)
    detector = build_detector(load_config("lora", [f"encoder={encoder}"]), mini_file)
    contract.train_steps(detector)
    detector.eval().adaptation.merge()
    expected = logits(detector)
    quantise(detector.encoder)
    kinds = [type(module) for module in detector.encoder.modules()]
    assert kinds.count(Int8Linear) == 2 * 6  # two blocks: q, k, v, out, fc1, fc2
    assert kinds.count(nn.Linear) == 1  # the projection into the blocks
    difference = (logits(detector) - expected).abs().max().item()
    assert 0 < difference < TINY_MODEL


def test_an_update_that_is_not_merged_is_refused_and_nothing_is_changed(mini_file):
    detector = build_detector(load_config("lora"), mini_file)
    with pytest.raises(FadError, match=r"q_proj is not a plain linear layer.*--precision fp32"):
        quantise(detector.encoder)
    kinds = {type(module) for module in detector.encoder.modules()}
    assert LowRankLinear in kinds
    assert Int8Linear not in kinds


def test_another_device_is_refused():
    with pytest.raises(FadError, match="int8 is for a CPU: give --ngpu 0 or --precision fp32"):
        quantise(nn.Linear(2, 2, device="meta"))


def test_a_torch_without_these_products_is_refused(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    with pytest.raises(FadError, match="built without oneDNN; give fp32"):
        quantise(nn.Linear(2, 2))
