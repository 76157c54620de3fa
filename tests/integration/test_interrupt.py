"""Training that is killed and started again ends where unbroken training ends."""

import signal
import time
from pathlib import Path

import torch

from tests.helpers.processes import family, kill

from .stages import SHORT, Recipe

OPTIONS = ("--stage", "3", "--stop_stage", "3", "--config", "full", "--tag", "broken", *SHORT)


def kill_at_first_checkpoint(mini: Recipe, checkpoint: Path) -> None:
    """Starts training and kills it, with all its processes, once there is a checkpoint."""
    process = mini.start(*OPTIONS)
    deadline = time.monotonic() + 120
    while not checkpoint.is_file() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    kill(family(process.pid))
    assert process.wait() == -signal.SIGKILL


def test_killed_training_goes_on_to_the_same_model(mini, trained):
    unbroken, _ = trained["full"]
    exp = mini.path / "exp" / "broken"
    kill_at_first_checkpoint(mini, exp / "checkpoint.pt")
    halfway = torch.load(exp / "checkpoint.pt", weights_only=True)
    assert halfway["progress"]["step"] > 0
    assert not halfway["progress"]["finished"]
    assert not (exp / "train_summary.json").exists()

    done = mini.ok(*OPTIONS)
    assert "going on after epoch" in done.stderr
    # Not the line of its first epoch: the kill may come between the checkpoint and that line.
    assert "trainable of" in (exp / "train.1.log").read_text()
    assert (exp / "best.safetensors").read_bytes() == (unbroken / "best.safetensors").read_bytes()
    ends = [torch.load(path / "checkpoint.pt", weights_only=True) for path in (exp, unbroken)]
    first, second = (end["trained"] for end in ends)
    assert list(first) == list(second)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], halfway["trained"][name]) for name in first)
    first, second = (
        [{**epoch, "seconds": 0} for epoch in end["progress"]["history"]] for end in ends
    )
    assert first == second
    assert [epoch["epoch"] for epoch in first] == [1, 2]
    assert list(exp.glob(".*part*")) == []
