"""Which epoch's weights are kept, for how long training goes on, and by what optimizer."""

import json

import pytest
import torch
from safetensors.torch import load_file

from fad.train.averaging import EpochWeights
from fad.train.trainer import Trainer
from fad.utils.errors import FadError
from tests.helpers.experiment import history, train


def scripted(monkeypatch, results):
    """Gives these (dev EER, dev loss) in turn instead of validating."""
    turn = iter(results)
    monkeypatch.setattr(Trainer, "_validate", lambda self: next(turn))


SCRIPT = [(0.3, 0.2), (0.1, 0.5), (0.2, 0.1)]  # dev EER, dev loss


@pytest.mark.parametrize(("select", "best"), [("dev_eer", 2), ("dev_loss", 3), ("last", 3)])
def test_the_kept_epoch_is_chosen_as_asked(
    mini_file, tiny_dump, tmp_path, monkeypatch, select, best
):
    scripted(monkeypatch, SCRIPT)
    options = ("frozen", "train.epochs=3", f"train.select={select}")
    exp = train(tmp_path, mini_file, tiny_dump, *options)
    assert json.loads((exp / "train_summary.json").read_text())["best"]["epoch"] == best


def test_the_least_training_loss_can_choose_too(mini_file, tiny_dump, tmp_path, monkeypatch):
    scripted(monkeypatch, [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)])
    exp = train(tmp_path, mini_file, tiny_dump, "lora", "train.epochs=3", "train.select=train_loss")
    epochs = history(exp)
    least = min(epochs, key=lambda epoch: epoch["train_loss"])["epoch"]
    assert least > 1  # so that dev_eer would have chosen another
    assert json.loads((exp / "train_summary.json").read_text())["best"]["epoch"] == least


def test_without_patience_all_epochs_are_trained(mini_file, tiny_dump, tmp_path, monkeypatch):
    worse = [(0.1 * number, 0.5) for number in range(1, 8)]
    scripted(monkeypatch, worse)
    train(tmp_path / "all", mini_file, tiny_dump, "frozen", "train.epochs=7", "train.patience=null")
    assert len(history(tmp_path / "all")) == 7
    scripted(monkeypatch, worse)
    train(tmp_path / "two", mini_file, tiny_dump, "frozen", "train.epochs=7", "train.patience=2")
    assert len(history(tmp_path / "two")) == 3


def test_the_mean_of_the_best_epochs_is_kept(mini_file, tiny_dump, tmp_path, monkeypatch):
    scripted(monkeypatch, [(0.2, 0.5), (0.9, 0.5), (0.1, 0.5), (0.4, 0.5)])
    states = {}
    write = EpochWeights.write

    def keeping(self, epoch, state):
        states[epoch] = {name: value.clone() for name, value in state.items()}
        write(self, epoch, state)

    monkeypatch.setattr(EpochWeights, "write", keeping)
    options = ("frozen", "train.epochs=3", "train.average_checkpoints=2")
    exp = train(tmp_path, mini_file, tiny_dump, *options)
    kept = load_file(exp / "best.safetensors")
    for name, value in kept.items():
        mean = (states[3][name].double() + states[1][name].double()) / 2
        assert torch.equal(value, mean.float()), name
    summary = json.loads((exp / "train_summary.json").read_text())
    assert summary["average"] == {"epochs": [3, 1], "dev_eer": 0.4, "dev_loss": 0.5}
    assert not (exp / "epochs").exists()


@pytest.mark.parametrize("name", ["dpf", "relora"])
def test_weights_that_have_no_mean_are_not_averaged(mini_file, tiny_dump, tmp_path, name):
    with pytest.raises(FadError, match=f"the weights of {name} in several epochs have no mean"):
        train(tmp_path, mini_file, tiny_dump, name, "train.average_checkpoints=2")


def test_the_head_may_have_a_rate_of_its_own(mini_file, tiny_dump, tmp_path):
    options = ("lora", "train.epochs=1", "train.lr=1e-12", "train.weight_decay=0.0")
    still = train(tmp_path / "still", mini_file, tiny_dump, *options)
    quick = train(tmp_path / "quick", mini_file, tiny_dump, *options, "train.backend_lr=0.1")
    one, other = (load_file(exp / "best.safetensors") for exp in (still, quick))
    change = {name: (one[name] - other[name]).abs().max().item() for name in one}
    assert change["backend.classify.weight"] > 0.01
    assert max(value for name, value in change.items() if name.startswith("encoder.")) < 1e-9


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_other_optimizers_train(mini_file, tiny_dump, tmp_path, name):
    train(tmp_path, mini_file, tiny_dump, "lora", f"optimizer={name}", "schedule=constant")
    first, *_, last = (epoch["train_loss"] for epoch in history(tmp_path))
    assert last < first
