"""What is kept of frozen weights: as long as they stay, and never beyond."""

import torch
from torch import nn

from fad.encoders.cached_weight import CachedWeight


def test_a_frozen_value_is_computed_once_and_anew_when_a_part_changes():
    calls = []
    weight = CachedWeight(lambda x: calls.append(1) or 2 * x)
    part = nn.Parameter(torch.ones(3), requires_grad=False)
    assert weight(part) is weight(part)
    with torch.no_grad():
        part.mul_(3)
    assert weight(part).tolist() == [6.0, 6.0, 6.0]
    part.data = torch.zeros(3)  # as Module.to does
    assert weight(part).tolist() == [0.0, 0.0, 0.0]
    assert len(calls) == 3


def test_what_is_trained_is_never_kept():
    weight = CachedWeight(lambda x: 2 * x)
    part = nn.Parameter(torch.ones(3), requires_grad=False)
    kept = weight(part)
    part.requires_grad_(True)
    weight(part).sum().backward()
    assert part.grad.tolist() == [2.0, 2.0, 2.0]
    part.requires_grad_(False)
    assert weight(part) is not kept


def test_another_parameter_at_the_same_address_is_another():
    weight, ones = CachedWeight(lambda x: 2 * x), torch.ones(3)
    assert weight(nn.Parameter(ones, requires_grad=False)).tolist() == [2.0] * 3
    ones.data.mul_(5)  # not seen by itself
    assert weight(nn.Parameter(ones, requires_grad=False)).tolist() == [10.0] * 3


def test_inference_mode_leaves_nothing_behind():
    weight = CachedWeight(lambda x: 2 * x)
    part = nn.Parameter(torch.ones(3), requires_grad=False)
    with torch.inference_mode():
        weight(part)
        assert weight(torch.ones(3)).tolist() == [2.0] * 3
    x = torch.ones(3, requires_grad=True)
    (weight(part) * x).sum().backward()
    assert x.grad.tolist() == [2.0] * 3
