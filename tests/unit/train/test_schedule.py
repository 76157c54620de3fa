"""The learning rate over a run, against its formula."""

import math

import pytest
import torch

from fad.train.schedule import warmup_cosine


def rates(total: int, warmup: float) -> list[float]:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = warmup_cosine(optimiser, total, warmup)
    found = []
    for _ in range(total):
        found.append(schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()
    return found


def test_linear_warm_up_then_a_cosine_to_zero():
    found = rates(100, 0.1)
    assert found[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    cosine = [0.5 * (1 + math.cos(math.pi * step / 90)) for step in range(90)]
    assert found[10:] == pytest.approx(cosine)
    assert max(found) == 1.0


@pytest.mark.parametrize(("total", "warmup"), [(1, 0.0), (1, 1.0), (2, 0.5), (7, 1.0), (5, 0.0)])
def test_every_step_of_a_short_run_learns(total, warmup):
    assert all(0 < rate <= 1 for rate in rates(total, warmup))
