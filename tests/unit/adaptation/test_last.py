"""LAST against its equations, and that the encoder takes no part in its backward pass."""

import pytest
import torch

from fad.adaptation.last import LAST, LowRankAttention
from fad.config.resolve import load_config
from fad.encoders.boundary import NONE, block
from fad.models.detector import Detector, build_detector
from fad.utils.errors import FadError
from tests.helpers import contract


def build(mini_file, *overrides: str) -> Detector:
    torch.manual_seed(0)
    return build_detector(load_config("last", list(overrides)), mini_file)


def by_definition(layer: LowRankAttention, x: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
    """up softmax(Q K^T / sqrt(r)) V of the normalised x, in float64."""
    layer, x = layer.double(), x.double()
    x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
    scores = layer.query(x) @ layer.key(x).transpose(1, 2) / layer.query.out_features**0.5
    return layer.up(scores.masked_fill(padding[:, None], -torch.inf).softmax(-1) @ layer.value(x))


def test_attention_is_its_definition_with_a_mask_over_keys():
    torch.manual_seed(0)
    layer, x = LowRankAttention(12, 3), 5 * torch.randn(2, 5, 12)
    layer.up.reset_parameters()
    padding = torch.arange(5) >= torch.tensor([[5], [3]])
    with torch.no_grad():
        ours = layer(x, padding)
        assert torch.allclose(ours.double(), by_definition(layer, x, padding), atol=1e-6)
        layer.float()
        assert torch.allclose(layer(x, None), layer(x, torch.zeros(2, 5, dtype=bool)), atol=1e-7)


def test_the_output_is_that_of_the_recursion(mini_file):
    detector = build(mini_file)
    contract.train_steps(detector)
    hidden, lens = [torch.randn(2, 7, 48) for _ in range(2)], torch.tensor([7, 7])
    with torch.no_grad():
        (ours,) = detector.adaptation.outputs(hidden, lens)
        u = torch.zeros_like(ours)
        for attend, z in zip(detector.encoder.side, hidden, strict=True):
            u = (u + z) + attend(u + z, None)
        assert torch.allclose(ours, u - hidden[0], atol=1e-5)


@pytest.mark.parametrize(("dtype", "large"), [(torch.bfloat16, 256.0), (torch.float16, 2048.0)])
def test_half_precision_outputs_are_summed_in_float32(mini_file, dtype, large):
    """As those of stored blocks are; in half precision each small one would be lost."""
    adaptation, seen = build(mini_file).adaptation, []

    def attend(x, _mask):
        seen.append(x)
        return torch.zeros_like(x)

    adaptation._side = [attend] * 9
    hidden = [torch.full((1, 3, 48), value, dtype=dtype) for value in (large, *[0.5] * 8)]
    (found,) = adaptation.outputs(hidden, torch.tensor([3]))
    assert torch.equal(seen[-1], torch.full((1, 3, 48), large + 4, dtype=dtype))
    assert torch.equal(found, hidden[-1])
    assert found.dtype == dtype


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_encoder_keeps_nothing_for_a_backward_pass(mini_file, monkeypatch, checkpointing):
    detector, kept = build(mini_file).train(), []
    detector.encoder.activation_checkpointing = checkpointing
    monkeypatch.setattr(detector.adaptation, "outputs", lambda hidden, _lens: hidden)
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda _: None):
        hidden, _ = detector._adapted(*contract.padded_batch(), NONE)
    assert kept == []
    assert not any(layer.requires_grad for layer in hidden)


def test_a_part_of_the_outputs_is_taken_at_even_distances(mini_file):
    each, second = build(mini_file), build(mini_file, "adaptation_conf.every=2")
    assert (each.encoder.wanted, second.encoder.wanted) == ((1, 2), (2,))
    assert second.boundary == block(2)
    assert each.count()["adaptation"] == 2 * second.count()["adaptation"] == 2 * 4 * 48 * 16
    assert len(contract.train_steps(second)) == 4


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("rank=0", "rank is 0"),
        ("rank=2.0", "rank is 2.0"),
        ("every=0", "every is 0"),
        ("every=3", "every is 3, and encoder_conf.layers asks for 2 outputs: give a divisor"),
    ],
)
def test_what_cannot_be_is_refused(mini_file, override, expected):
    with pytest.raises(FadError, match=expected):
        build(mini_file, f"adaptation_conf.{override}")


# Planted faults: what the contract is there to catch.


class StartsElsewhere(LAST):
    """Its projection up is random, as torch makes it, and not zero."""

    def _wrap(self, encoder):
        super()._wrap(encoder)
        for layer in encoder.side:
            layer.up.reset_parameters()


def test_a_side_network_that_does_not_start_at_zero_is_caught(mini_file, monkeypatch):
    base = build_detector(load_config("frozen"), mini_file).eval()
    monkeypatch.setattr("fad.adaptation.last.LAST", StartsElsewhere)
    assert contract.step_0_difference(build(mini_file).eval(), base) > 1e-2


class AttendsToPadding(LAST):
    """No mask: every frame counts."""

    def outputs(self, hidden, lens):
        return super().outputs(hidden, torch.full_like(lens, hidden[0].shape[1]))


def test_a_side_network_that_attends_to_padding_is_caught(mini_file, monkeypatch):
    monkeypatch.setattr("fad.adaptation.last.LAST", AttendsToPadding)
    trained = build(mini_file)
    contract.train_steps(trained)
    assert contract.padding_difference(trained) > 1e-3
