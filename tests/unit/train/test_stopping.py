"""SIGTERM and SIGUSR1 end a training behind its step, saved; called again it ends the same."""

import os
import signal

import pytest

from fad.train import stopping, trainer
from fad.train.checkpointing import load_checkpoint
from fad.train.stopping import Stopped, StopSignals
from fad.train.trainer import Trainer
from fad.train.world import OthersLost
from tests.helpers.experiment import losses, train

BEST = "best.safetensors"
OPTIONS = ("lora", "adaptation_conf.dropout=0.3", "train.checkpoint_steps=100000")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, mini_file, tiny_dump):
    return train(tmp_path_factory.mktemp("exp") / "whole", mini_file, tiny_dump, *OPTIONS)


def signalled(function, at_call: int, number: signal.Signals):
    """A function that gets a signal as it begins, in one of its calls."""
    calls = 0

    def wrapped(*args):
        nonlocal calls
        calls += 1
        if calls == at_call:
            os.kill(os.getpid(), number)
        return function(*args)

    return wrapped


@pytest.mark.parametrize("number", stopping.STOP_SIGNALS)
@pytest.mark.parametrize(
    ("place", "at_call", "epoch", "step"),
    [
        ("_step", 1, 0, 1),
        ("_step", 2, 0, 2),  # the last of the epoch: validated after it goes on
        ("_step", 3, 1, 3),
        ("_validate", 1, 0, 2),
        ("_end_epoch", 1, 1, 2),
        ("_end_epoch", 2, 2, 4),
    ],
)
def test_a_signal_saves_and_the_same_call_goes_on_to_the_same_end(
    whole, mini_file, tiny_dump, tmp_path, monkeypatch, number, place, at_call, epoch, step
):
    with monkeypatch.context() as patched, pytest.raises(Stopped) as stopped:
        patched.setattr(Trainer, place, signalled(getattr(Trainer, place), at_call, number))
        train(tmp_path, mini_file, tiny_dump, *OPTIONS)
    assert stopped.value.code == 143
    saved, _ = load_checkpoint(tmp_path / "checkpoint.pt")
    assert (saved.epoch, saved.step) == (epoch, step)
    train(tmp_path, mini_file, tiny_dump, *OPTIONS)
    assert losses(tmp_path) == losses(whole)
    assert (tmp_path / BEST).read_bytes() == (whole / BEST).read_bytes()


def test_a_second_signal_does_not_break_off_the_saving(
    whole, mini_file, tiny_dump, tmp_path, monkeypatch
):
    save = trainer.save_checkpoint

    def interrupted(*args):
        for number in stopping.STOP_SIGNALS:
            os.kill(os.getpid(), number)
        save(*args)

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Trainer, "_step", signalled(Trainer._step, 1, signal.SIGTERM))
        patched.setattr(trainer, "save_checkpoint", interrupted)
        train(tmp_path, mini_file, tiny_dump, *OPTIONS)
    assert load_checkpoint(tmp_path / "checkpoint.pt")[0].step == 1


def test_handlers_are_given_back():
    before = [signal.getsignal(number) for number in stopping.STOP_SIGNALS]
    with StopSignals():
        assert [signal.getsignal(number) for number in stopping.STOP_SIGNALS] != before
    assert [signal.getsignal(number) for number in stopping.STOP_SIGNALS] == before


def test_losing_others_that_stop_too_is_a_stop(mini_file, tiny_dump, tmp_path, monkeypatch):
    """One process may stop behind an epoch while another waits for it in the next."""

    def lost(self, board):
        self.stop.asked = asked
        raise OthersLost("connection closed")

    monkeypatch.setattr(Trainer, "_train_epoch", lost)
    for asked, error in ((True, Stopped), (False, OthersLost)):
        with pytest.raises(error):
            train(tmp_path / str(asked), mini_file, tiny_dump)


class Killed(BaseException):
    """As by SIGKILL, of which nobody is told."""


def test_the_epochs_last_step_is_saved_before_validation(
    whole, mini_file, tiny_dump, tmp_path, monkeypatch
):
    """Processes that wait for others inside CUDA obey no signal: only what is saved is left."""

    def killed(_):
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Trainer, "_validate", killed)
        train(tmp_path, mini_file, tiny_dump, *OPTIONS)
    saved, _ = load_checkpoint(tmp_path / "checkpoint.pt")
    assert (saved.epoch, saved.step, len(saved.losses)) == (0, 2, 2)
    train(tmp_path, mini_file, tiny_dump, *OPTIONS)
    assert losses(tmp_path) == losses(whole)
