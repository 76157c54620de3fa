"""Mean pooling over time, by its definition."""

import pytest
import torch

from fad.encoders.pooling import mean_pool


@pytest.mark.parametrize("size", [1, 6, 7])
@pytest.mark.parametrize("factor", [2, 3, 4, 9])
def test_each_group_is_the_mean_of_its_real_frames(size, factor):
    torch.manual_seed(0)
    x, lens = torch.randn(2, size, 3), [size, (size + 1) // 2]
    padding = torch.arange(size) >= torch.tensor(lens)[:, None]
    pooled, masked = mean_pool(x, padding, factor)
    assert pooled.shape == (2, -(-size // factor), 3)
    for one, alone, real, length in zip(pooled, x, ~masked, lens, strict=True):
        groups = alone[:length].split(factor)
        assert torch.allclose(one[: len(groups)], torch.stack([g.mean(0) for g in groups]))
        assert real.tolist() == [True] * len(groups) + [False] * (len(real) - len(groups))
    whole, none = mean_pool(x[:1], None, factor)
    assert none is None
    assert torch.allclose(whole[0], pooled[0])


def test_a_factor_of_one_changes_nothing():
    x, padding = torch.randn(2, 5, 3), torch.zeros(2, 5, dtype=bool)
    assert mean_pool(x, padding, 1) == (x, padding)
