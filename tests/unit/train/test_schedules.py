"""The learning rate over a run, against its formula."""

import math

import pytest
import torch

from fad.config.resolve import load_config
from fad.train.optimization import check_optimization
from fad.train.schedules import constant, step, warmup_cosine
from fad.utils.errors import FadError


def rates(total: int, warmup: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warmup_cosine(total, 1, warmup))
    found = []
    for _ in range(total):
        found.append(schedule.get_last_lr()[0])
        optimizer.step()
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


def test_a_constant_rate_is_the_configs_in_every_step():
    assert [constant(10, 5)(done) for done in range(10)] == [1.0] * 10


def test_steps_fall_after_so_many_epochs():
    shares = [step(100, 3, every_epochs=2, gamma=0.1)(done) for done in (0, 5, 6, 11, 12)]
    assert shares == pytest.approx([1, 1, 0.1, 0.1, 0.01])


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["schedule_conf.warmup=2"], "schedule_conf.warmup is 2; it is a share of all steps"),
        (["schedule=step", "schedule_conf.every_epochs=0"], "every_epochs is 0; give a whole"),
        (["schedule=step", "schedule_conf.gamma=1.5"], "gamma is 1.5; it must be over 0"),
        (["optimizer_conf.betas=[2, 0.9]"], "optimizer_conf: Invalid beta parameter"),
        (["optimizer=sgd", "optimizer_conf.momentum=-1"], "optimizer_conf: Invalid momentum"),
    ],
)
def test_what_an_optimizer_or_a_schedule_cannot_take_is_said(overrides, says):
    with pytest.raises(FadError, match=says):
        check_optimization(load_config("lora", overrides))
