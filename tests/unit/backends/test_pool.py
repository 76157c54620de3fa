"""`pool`: statistics over real frames, in closed form."""

import numpy as np
import pytest
import torch

from fad.backends.pool import Pool, _SumOfNorms

PADDED_VS_ALONE = 1e-6


@pytest.fixture
def pool():
    torch.manual_seed(0)
    pool = Pool(dim=6, num_layers=3)
    with torch.no_grad():
        pool.layer_weights.copy_(torch.tensor([0.5, -1.0, 2.0]))
    return pool


def hidden(frames: int = 9) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [scale * torch.randn(2, frames, 6, generator=generator) for scale in (1.0, 50.0, 0.1)]


def test_the_logits_are_those_of_the_definition(pool):
    lens = torch.tensor([9, 5])
    found = pool(hidden(), lens).detach().numpy()
    weights = np.exp([0.5, -1.0, 2.0]) / np.exp([0.5, -1.0, 2.0]).sum()
    matrix, bias = (p.detach().double().numpy() for p in pool.classify.parameters())
    for row, n in enumerate(lens.tolist()):
        layers = [x[row, :n].double().numpy() for x in hidden()]
        normal = [
            (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) for x in layers
        ]
        x = sum(w * layer for w, layer in zip(weights, normal, strict=True))
        statistics = np.concatenate([x.mean(0), np.sqrt(x.var(0) + 1e-8)])
        assert found[row] == pytest.approx(matrix @ statistics + bias, abs=1e-5)


def test_padded_in_a_batch_equals_alone(pool):
    lens = torch.tensor([9, 4])
    together = pool(hidden(), lens)
    alone = pool([x[1:, :4] for x in hidden()], lens[1:])
    assert (together[1] - alone[0]).abs().max() <= PADDED_VS_ALONE
    dirty = [x.clone() for x in hidden()]
    for x in dirty:
        x[1, 4:] = 1e4
    assert torch.equal(pool(dirty, lens), together)


def test_every_parameter_gets_a_gradient(pool):
    pool(hidden(), torch.tensor([9, 4]))[:, 1].sum().backward()
    assert all(value.grad.abs().max() > 0 for value in pool.parameters())


def test_a_single_frame_has_a_finite_gradient(pool):
    inputs = [x.requires_grad_() for x in hidden(1)]
    pool(inputs, torch.tensor([1, 1])).sum().backward()
    assert all(torch.isfinite(x.grad).all() for x in inputs)
    assert all(torch.isfinite(value.grad).all() for value in pool.parameters())


def test_at_the_start_every_layer_counts_the_same():
    assert Pool(dim=6, num_layers=4).layer_weights.softmax(0).tolist() == [0.25] * 4


def test_another_number_of_layers_is_an_error(pool):
    with pytest.raises(ValueError, match="shorter"):
        pool(hidden()[:2], torch.tensor([9, 4]))


def test_conditioned_the_statistics_of_what_it_saw_have_no_mean_and_unit_deviation(pool):
    lens = [torch.tensor([9, 5]), torch.tensor([7, 9])]
    before = pool(hidden(), lens[0]).detach()
    pool.init_from_data((hidden(), n) for n in lens)
    seen = torch.cat([pool.pool(hidden(), n).detach() for n in lens])
    normal = (seen - pool.centre) / pool.scale
    assert normal.mean(0).abs().max() < 1e-5
    varied = seen.std(0, correction=0) > 1e-3  # what hardly varies is not blown up
    assert normal[:, varied].std(0, correction=0) == pytest.approx(1.0, abs=1e-3)
    expected = pool.classify(normal[:2])
    assert torch.allclose(pool(hidden(), lens[0]), expected, atol=1e-6)
    assert not torch.allclose(before, expected, atol=1e-2)


def test_its_constants_are_saved_and_not_trained(pool):
    assert {"centre", "scale"} <= set(pool.state_dict())
    assert {"centre", "scale"}.isdisjoint(dict(pool.named_parameters()))


def test_the_gradient_of_the_sum_of_normalised_layers_is_the_plain_ones():
    weights = torch.rand(3, dtype=torch.float64, requires_grad=True)
    hidden = [torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    assert torch.autograd.gradcheck(_SumOfNorms.apply, (weights, *hidden))
    frozen = [hidden[0].detach(), *hidden[1:]]  # a block below the first that is trained
    _SumOfNorms.apply(weights, *frozen).sum().backward()
    assert frozen[0].grad is None
    assert hidden[1].grad is not None
