"""A sum in place: its value, its gradient, and that a misuse is seen."""

import pytest
import torch
import torch.nn.functional as F

from fad.encoders.inplace import add_into


def test_the_sum_lies_in_the_second_and_both_get_the_gradient():
    x = torch.randn(2, 3, requires_grad=True)
    weight = torch.randn(3, 3, requires_grad=True)
    y = F.linear(x, weight)
    expected = torch.autograd.grad((x + F.linear(x, weight)).square().sum(), (x, weight))
    total = add_into(x, y)
    assert total.data_ptr() == y.data_ptr()
    found = torch.autograd.grad(total.square().sum(), (x, weight))
    assert all(torch.allclose(a, b) for a, b in zip(found, expected, strict=True))


def test_other_types_are_added_elsewhere():
    x, y = torch.ones(2), torch.ones(2, dtype=torch.bfloat16)
    assert add_into(x, y).dtype == torch.float32
    assert y.tolist() == [1.0, 1.0]


def test_a_second_that_is_needed_again_is_an_error_and_no_wrong_gradient():
    x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    needed = y.exp()  # its own value is what its gradient is made of
    total = add_into(x, needed)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.sum().backward()
