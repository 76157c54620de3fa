"""What a restart of ReLoRA changes, and what it leaves as it was."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch.optim.lr_scheduler import LambdaLR

from fad.adaptation import relora
from fad.adaptation.base import TrainState
from fad.config.resolve import load_config
from fad.models.detector import Detector, build_detector
from fad.train.schedules import warmup_cosine
from fad.utils.errors import FadError
from tests.helpers import contract
from tests.helpers.contract import LABELS, logits, padded_batch

SMALL = ("adaptation_conf.dropout=0.0", "adaptation_conf.every=4", "adaptation_conf.rank=4")
SAME = 1e-5  # W x + B A x against (W + B A) x in float32, on logits near 1


class Run:
    """Training steps with the trainer's schedule."""

    def __init__(self, mini_file, *overrides: str, seed: int = 0, total: int = 20) -> None:
        torch.manual_seed(seed)
        conf = [*SMALL, "adaptation_conf.restart_warmup=2", *overrides]
        self.detector: Detector = build_detector(load_config("relora", conf), mini_file)
        self.optimizer = torch.optim.AdamW(self.detector.trainable(), lr=1e-2)
        self.schedule = LambdaLR(self.optimizer, warmup_cosine(total, 1, 0.1))
        self.total, self.done, self.rates = total, 0, []

    @property
    def layers(self) -> list:
        return list(self.detector.adaptation._layers.values())

    def moments(self) -> list[torch.Tensor]:
        kept = [self.optimizer.state[value] for layer in self.layers for value in factors(layer)]
        return [state[name].clone() for state in kept for name in ("exp_avg", "exp_avg_sq")]

    def step(self) -> TrainState:
        """All of a step but `after_step`."""
        self.rates.append(self.optimizer.param_groups[0]["lr"])
        self.optimizer.zero_grad()
        F.cross_entropy(self.detector(*padded_batch(self.done)), LABELS).backward()
        self.optimizer.step()
        self.schedule.step()
        self.done += 1
        return TrainState(self.done, self.total, self.optimizer, self.schedule)

    def steps(self, number: int) -> "Run":
        for _ in range(number):
            self.detector.adaptation.after_step(self.step())
        return self


def factors(layer) -> tuple:
    return layer.lora_A, layer.lora_B


def test_a_restart_keeps_the_function_and_begins_the_factors_anew(mini_file):
    run = Run(mini_file).steps(3)
    state = run.step()
    before, weights = logits(run.detector.eval()), [layer.weight.clone() for layer in run.layers]
    updates = [layer.scaling * layer.lora_B @ layer.lora_A for layer in run.layers]
    drawn = [layer.lora_A.clone() for layer in run.layers]
    run.detector.adaptation.after_step(state)
    assert (logits(run.detector) - before).abs().max().item() <= SAME
    for layer, weight, update, old in zip(run.layers, weights, updates, drawn, strict=True):
        assert torch.equal(layer.weight, weight + update)
        assert not torch.equal(layer.weight, weight)
        assert not layer.lora_B.any()
        bound = 1 / layer.in_features**0.5  # of kaiming_uniform_ with a = sqrt(5)
        assert 0.8 * bound < layer.lora_A.abs().max() <= bound
        assert not torch.equal(layer.lora_A, old)


def test_between_restarts_and_at_the_last_step_nothing_is_folded(mini_file):
    run = Run(mini_file, total=4)
    weights = [layer.weight.clone() for layer in run.layers]
    run.steps(4)
    assert all(map(torch.equal, weights, [layer.weight for layer in run.layers]))


@pytest.mark.parametrize(("prune", "share"), [("magnitude", 0.8), ("random", 0.999), ("random", 1)])
def test_a_share_of_the_optimizers_state_is_forgotten(mini_file, prune, share):
    run = Run(
        mini_file, f"adaptation_conf.prune={prune}", f"adaptation_conf.prune_share={share}"
    ).steps(3)
    state = run.step()
    before = run.moments()
    run.detector.adaptation.after_step(state)
    after = run.moments()
    lost = sum(int((a != b).sum()) for a, b in zip(after, before, strict=True))
    assert lost / sum(value.numel() for value in before) == pytest.approx(share, abs=0.02)
    for old, new in zip(before, after, strict=True):
        kept = new != 0
        assert torch.equal(new[kept], old[kept])
    if prune == "magnitude":
        for old, new in zip(before[::2], after[::2], strict=True):  # the means, not the squares
            assert old[new != 0].abs().min() >= old[new == 0].abs().max()


def test_the_back_ends_state_stays(mini_file):
    run = Run(mini_file).steps(3)
    state = run.step()
    bias = run.detector.backend.classify.bias
    before = run.optimizer.state[bias]["exp_avg"].clone()
    run.detector.adaptation.after_step(state)
    assert torch.equal(run.optimizer.state[bias]["exp_avg"], before)


def test_the_rate_goes_to_zero_at_a_restart_and_back_to_the_schedule(mini_file):
    plain = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-2)
    schedule, expected = LambdaLR(plain, warmup_cosine(20, 1, 0.1)), []
    for _ in range(12):
        expected.append(plain.param_groups[0]["lr"])
        plain.step()
        schedule.step()
    for step in (4, 8):
        expected[step] = 0.0
        expected[step + 1] *= 0.5
    assert Run(mini_file).steps(12).rates == pytest.approx(expected)


def test_what_is_drawn_is_of_the_seed_and_the_step_alone(mini_file):
    first, again, other = Run(mini_file), Run(mini_file), Run(mini_file, seed=1)
    for number, run in enumerate((first, again, other)):
        for _ in range(8):
            state = run.step()
            torch.manual_seed(number)  # as another process would have
            run.detector.adaptation.after_step(state)
    drawn = [[layer.lora_A.detach() for layer in run.layers] for run in (first, again, other)]
    assert all(map(torch.equal, drawn[0], drawn[1]))
    assert not any(map(torch.equal, drawn[0], drawn[2]))


@pytest.mark.parametrize(("total", "warned"), [(4, True), (5, False)])
def test_a_run_too_short_for_a_restart_says_so(mini_file, caplog, total, warned):
    Run(mini_file, total=total).steps(2)
    expected = f"no restart, .*every is 4, and there are {total} steps"
    assert bool(re.search(expected, caplog.text)) == warned


class Dropped(relora.ReLoRA):
    """Begins anew without folding in."""

    def _restart(self, state):
        kept = [layer.weight.clone() for layer in self._layers.values()]
        super()._restart(state)
        with torch.no_grad():
            for layer, weight in zip(self._layers.values(), kept, strict=True):
                layer.weight.copy_(weight)


def test_an_update_that_is_dropped_is_caught(mini_file, monkeypatch):
    monkeypatch.setattr(relora, "ReLoRA", Dropped)
    run = Run(mini_file).steps(3)
    state = run.step()
    before = logits(run.detector.eval())
    run.detector.adaptation.after_step(state)
    assert (logits(run.detector) - before).abs().max().item() > 100 * SAME


class ForgetsItsBase(relora.ReLoRA):
    """Saves what trains, as other methods do, and not the weights that it changes."""

    def saved(self):
        return dict(self.owned())


def test_a_changed_base_that_is_not_saved_is_caught(mini_file, monkeypatch):
    monkeypatch.setattr(relora, "ReLoRA", ForgetsItsBase)
    trained = Run(mini_file, "adaptation_conf.every=2").detector
    before = contract.frozen_state(trained)
    contract.train_steps(trained, 3)
    assert contract.changed(before, contract.frozen_state(trained)) != []
    assert contract.reload_difference(trained, Run(mini_file, seed=1).detector) > 1e-3


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("every=0", "every is 0"),
        ("restart_warmup=5", "restart_warmup is 5; .* from 1 to every, which is 4"),
        ("restart_warmup=0", "restart_warmup is 0"),
        ("prune=some", "prune is some; give magnitude or random"),
        ("prune_share=0", "prune_share is 0"),
        ("prune_share=1.5", "prune_share is 1.5"),
        ("rank=0", "rank is 0"),
    ],
)
def test_what_cannot_be_is_refused(mini_file, override, expected):
    with pytest.raises(FadError, match=expected):
        Run(mini_file, f"adaptation_conf.{override}")
