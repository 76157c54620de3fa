"""Training that is stopped goes on to the same end; a full disk and a second run do no harm."""

import shutil
from pathlib import Path

import pytest
import torch

from fad.config.registry import SLOTS
from fad.experiment.directory import ExperimentDir
from fad.train.checkpointing import load_checkpoint
from fad.train.trainer import Trainer
from fad.utils.cli import report_thread
from fad.utils.errors import FadError
from tests.helpers.experiment import losses, train


@pytest.fixture(scope="module")
def trained(tmp_path_factory, mini_file, tiny_dump):
    return train(tmp_path_factory.mktemp("exp") / "lora", mini_file, tiny_dump)


class Stopped(Exception):
    """As a power cut would."""


@pytest.mark.parametrize("at_step", [2, 3, 4])  # in epoch 1, at the start of epoch 2, and in it
@pytest.mark.parametrize("dropout", ["0.0", "0.3"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_stopped_and_started_again_it_ends_as_if_never_stopped(
    mini_file, tiny_dump, tmp_path, monkeypatch, at_step, dropout, accumulate
):
    options = (
        "lora",
        f"adaptation_conf.dropout={dropout}",
        "train.patience=1",
        "train.epochs=3",
        f"train.accumulate={accumulate}",
        f"train.batch_size={4 // accumulate}",
        "train.checkpoint_steps=1",
    )
    whole = train(tmp_path / "whole", mini_file, tiny_dump, *options)
    with monkeypatch.context() as patched:
        stop_at(patched, at_step)
        with pytest.raises(Stopped):
            train(tmp_path / "parts", mini_file, tiny_dump, *options)
    assert not (tmp_path / "parts" / "train_summary.json").exists()
    assert load_checkpoint(tmp_path / "parts" / "checkpoint.pt")[0].step == at_step - 1
    parts = train(tmp_path / "parts", mini_file, tiny_dump, *options)
    assert losses(parts) == losses(whole)
    assert (parts / "best.safetensors").read_bytes() == (whole / "best.safetensors").read_bytes()


def stop_at(patched: pytest.MonkeyPatch, at_step: int) -> None:
    """Has training stop before it has done this step."""
    step = Trainer._step

    def stopping(self, group):
        if self.progress.step + 1 == at_step:
            raise Stopped
        return step(self, group)

    patched.setattr(Trainer, "_step", stopping)


RESTARTS = ("adaptation_conf.every=2", "adaptation_conf.restart_warmup=2")
PARTS = [
    ("last", (), 4),
    ("lora+white_noise", (), 4),
    ("lora", ("loss=own", "optimizer=sgd", "schedule=step"), 4),
    *(
        ("lora", (f"train.average_checkpoints={count}", "train.backend_lr=1e-3"), at_step)
        for count, at_step in ((2, 4), (2, 5), (3, 6))
    ),
    ("stochastic", ("train.accumulate=2", "train.batch_size=2"), 4),
    # Before a restart, behind it (at a rate of zero, and at half of it), and behind the second.
    *(("relora", RESTARTS, at_step) for at_step in (2, 3, 4, 5)),
    ("relora", (*RESTARTS, "adaptation_conf.prune=random"), 3),
    ("dgsct", (), 4),
    ("pela", (), 4),
    # Masks are made behind steps 2 and 4, the last at the full sparsity; weights behind them grow.
    *(("dpf", ("adaptation_conf.every=2", "adaptation_conf.ramp=0.6"), step) for step in (2, 4, 6)),
]


@pytest.mark.parametrize(("name", "overrides", "at_step"), PARTS)
def test_methods_that_change_more_or_draw_more_end_the_same_too(
    mini_file, tiny_dump, tmp_path, monkeypatch, name, overrides, at_step
):
    monkeypatch.setitem(SLOTS["loss"], "own", "tests.helpers.own_parts:CosineLoss")
    # What the last epoch gave is compared.
    options = (name, "train.epochs=3", "train.select=last", "train.checkpoint_steps=1", *overrides)
    whole = train(tmp_path / "whole", mini_file, tiny_dump, *options)
    with monkeypatch.context() as patched:
        stop_at(patched, at_step)
        with pytest.raises(Stopped):
            train(tmp_path / "parts", mini_file, tiny_dump, *options)
    parts = train(tmp_path / "parts", mini_file, tiny_dump, *options)
    assert losses(parts) == losses(whole)
    assert (parts / "best.safetensors").read_bytes() == (whole / "best.safetensors").read_bytes()
    states = [load_checkpoint(exp / "checkpoint.pt")[1] for exp in (whole, parts)]
    moments = [list(state["optimizer"]["state"].values()) for state in states]
    for ours, theirs in zip(*moments, strict=True):
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_stopped_between_the_best_weights_and_the_checkpoint_it_still_ends_the_same(
    trained, mini_file, tiny_dump, tmp_path, monkeypatch
):
    save = Trainer._save

    def stopping(self):
        if self.progress.epoch == 2:
            raise Stopped
        save(self)

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Trainer, "_save", stopping)
        train(tmp_path, mini_file, tiny_dump)
    train(tmp_path, mini_file, tiny_dump)
    best = "best.safetensors"
    assert (tmp_path / best).read_bytes() == (trained / best).read_bytes()


def test_a_full_disk_leaves_the_last_checkpoint_and_training_goes_on_from_it(
    trained, mini_file, tiny_dump, tmp_path, monkeypatch
):
    def full(state, part):
        part.write_bytes(b"the first half")
        raise OSError(28, "No space left on device", str(part))

    save = torch.save

    def save_once(state, part):
        save(state, part)
        monkeypatch.setattr(torch, "save", full)

    with monkeypatch.context() as patched, pytest.raises(FadError, match=r"no room left to write"):
        patched.setattr(torch, "save", save_once)
        monkeypatch = patched
        train(tmp_path, mini_file, tiny_dump)
    done = load_checkpoint(tmp_path / "checkpoint.pt")[0]
    assert (done.epoch, len(done.losses)) == (0, done.step)  # the first epoch, before validation
    assert list(tmp_path.glob(".*part*")) == []
    train(tmp_path, mini_file, tiny_dump)
    best = "best.safetensors"
    assert (tmp_path / best).read_bytes() == (trained / best).read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_for_tensorboard_names_its_folder(
    mini_file, tiny_dump, tmp_path, monkeypatch, capsys
):
    class FullFile:
        def __init__(self, *_):
            self.file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115

        def __getattr__(self, name):
            return getattr(self.file, name)

    monkeypatch.setattr("tensorboard.compat.tensorflow_stub.io.gfile.GFile", FullFile)
    monkeypatch.setattr("threading.excepthook", report_thread)
    with pytest.raises(FadError) as caught:
        train(tmp_path, mini_file, tiny_dump)
    assert str(caught.value).startswith(f"{tmp_path / 'tensorboard'}: no room left to write it")
    assert "Exception in thread" not in capsys.readouterr().err


def test_what_a_killed_run_left_half_written_goes(tmp_path):
    (tmp_path / ".best.part99.safetensors").touch()
    (tmp_path / "best.safetensors").touch()
    with ExperimentDir(tmp_path).held():
        left = {path.name for path in tmp_path.iterdir()}
        assert left == {".run.jobs.lock", ".run.lock", "best.safetensors"}


def test_a_best_model_that_is_gone_cannot_be_gone_on_from(trained, mini_file, tiny_dump, tmp_path):
    exp = tmp_path / "exp"
    shutil.copytree(trained, exp)
    (exp / "best.safetensors").unlink()
    with pytest.raises(
        FadError, match=r"best.safetensors: gone, .*remove .*checkpoint.pt to train"
    ):
        train(exp, mini_file, tiny_dump)
