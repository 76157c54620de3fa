"""A step whose gradients overflow in fp16 is tried again; a GPU is not needed to overflow."""

import pytest
import torch
from safetensors.torch import load_file

from fad.train.checkpointing import load_checkpoint
from fad.train.optimizer_step import OptimizerStep
from fad.train.trainer import Trainer
from fad.utils.errors import FadError
from tests.helpers.experiment import losses, train

RESTARTS = ("adaptation_conf.every=2", "adaptation_conf.restart_warmup=2")
MASKS = ("adaptation_conf.every=2", "adaptation_conf.ramp=1.0", "train.select=last")


def scaled(monkeypatch, scale, largest):
    """Has training in float32 scale its loss, as in fp16; returns how each try of a step ends.

    Args:
        scale: the first.
        largest: the number of the step, from 0, gives the largest scale without an overflow.
    """
    scaler, backward, take, tries = torch.amp.GradScaler, Trainer._backward, OptimizerStep.take, []

    def overflowing(self, batch, total):
        loss = backward(self, batch, total)
        if self.update.scaler.get_scale() > largest(self.progress.step):
            self.update.parameters[-1].grad[0] = torch.inf
        return loss

    def counted(self, check):
        tries.append(take(self, check))
        return tries[-1]

    monkeypatch.setattr(torch.amp, "GradScaler", lambda *_, **__: scaler("cpu", init_scale=scale))
    monkeypatch.setattr(Trainer, "_backward", overflowing)
    monkeypatch.setattr(OptimizerStep, "take", counted)
    return tries


@pytest.mark.parametrize(
    ("name", "more"),
    [("lora", ("adaptation_conf.dropout=0.3",)), ("relora", RESTARTS), ("dpf", MASKS)],
)
@pytest.mark.filterwarnings("error:Detected call of `lr_scheduler.step")
def test_an_overflow_costs_a_try_and_no_step(
    mini_file, tiny_dump, tmp_path, monkeypatch, name, more
):
    plain = train(tmp_path / "plain", mini_file, tiny_dump, name, *more)
    tries = scaled(monkeypatch, 2.0**12, lambda step: 2.0**10 if step < 3 else 2.0**9)
    found = train(tmp_path / "scaled", mini_file, tiny_dump, name, *more)
    # The last step is the one behind which masks become complete, and no restart is left out.
    assert tries == [False, False, True, True, True, False, True]
    progress, states = load_checkpoint(found / "checkpoint.pt")
    assert progress.step == states["schedule"]["last_epoch"] == 4
    # A scale is a power of two: it changes no digit.
    assert losses(found) == pytest.approx(losses(plain), rel=1e-5)
    expected = load_file(plain / "best.safetensors")
    for key, value in load_file(found / "best.safetensors").items():
        torch.testing.assert_close(value, expected[key], rtol=1e-4, atol=1e-6)


def test_gradients_that_never_become_finite_end_training(
    mini_file, tiny_dump, tmp_path, monkeypatch
):
    """Otherwise the scale falls to zero, and training goes on without learning."""
    tries = scaled(monkeypatch, 2.0**4, lambda step: 0.0)
    with pytest.raises(
        FadError, match=r"gradient norm is (inf|nan) at step 1; the batch has .*fp32"
    ):
        train(tmp_path, mini_file, tiny_dump)
    assert tries == [False] * 4
