"""A method in other precisions than float32: bfloat16 in training, 8 bits in scoring."""

import contextlib

import pytest
import torch
from torch import nn

from fad.adaptation.base import NotMergeable
from fad.encoders.int8 import quantise
from tests.helpers import contract
from tests.helpers.contract import logits
from tests.unit.adaptation.test_contract import CASES, NOT_AT_THE_BASE, SHIPPED, Case

# Two units in the last place of a bfloat16 under 8: another layout of the input, as LoRA's layers
# have it in fairseq's blocks, takes another kernel, which adds in another order.
STEP_0 = 2 * 2**-5
BF16 = 0.05  # 8 bits of mantissa, through two blocks, on logits near 1
INT8 = 0.02  # on the same


@pytest.fixture(params=[c for c in CASES if c[0] in SHIPPED], ids=lambda p: f"{p[0]}-{p[1]}")
def case(request, mini_file):
    return Case(*request.param, mini_file)


def test_in_bfloat16_it_starts_at_the_base_model_and_trains(case):
    detector, base = case.build(), case.base()
    # Without its cache: it keeps rounded weights until it is left, whatever an optimizer does.
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        ours, theirs = (contract.real_frames(model) for model in (detector.eval(), base))
        found = contract.largest_difference(ours, theirs[-len(ours) :])
        assert {frames.dtype for frames in ours} == {torch.bfloat16}  # none goes on in float32
        assert (found <= STEP_0) == (case.variant not in NOT_AT_THE_BASE)
        gradients = contract.train_steps(detector)
        rounded = logits(detector.eval())
    assert all(size < float("inf") for size in gradients.values())
    assert all(value.dtype == torch.float32 for value in detector.adaptation.trainable())
    assert (rounded - logits(detector)).abs().max().item() < BF16


def test_in_8_bits_it_scores_nearly_as_in_float(case):
    """Merged where that can be; else what it adds is in linear layers, which are 8-bit ones too."""
    detector = case.build()
    contract.train_steps(detector)
    expected = logits(detector.eval())
    with contextlib.suppress(NotMergeable):
        detector.adaptation.merge()
    quantise(detector.encoder)
    assert 0 < (logits(detector) - expected).abs().max().item() < INT8
    assert not any(isinstance(module, nn.Linear) for module in detector.encoder.blocks().modules())
