"""Training that is killed and started again ends where unbroken training ends."""

import os
import signal
import subprocess
import time
from pathlib import Path

import torch

from .stages import SHORT, Recipe

OPTIONS = ("--stage", "3", "--stop_stage", "3", "--config", "full", "--tag", "broken", *SHORT)


def family(pid: int) -> list[int]:
    """A process and all its descendants, parents first."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:  # it has ended meanwhile
            continue
        parents[int(stat.parent.name)] = int(text.rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found


def kill_after_first_epoch(mini: Recipe, checkpoint: Path) -> None:
    """Starts training and kills it, with all its processes, once there is a checkpoint."""
    process = subprocess.Popen(
        ["./run.sh", "--pretrained", str(mini.pretrained), *OPTIONS],
        cwd=mini.path,
        env=mini.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not checkpoint.is_file() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    for pid in family(process.pid):
        os.kill(pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_killed_training_goes_on_to_the_same_model(mini, trained):
    unbroken, _ = trained["full"]
    exp = mini.path / "exp" / "broken"
    kill_after_first_epoch(mini, exp / "checkpoint.pt")
    halfway = torch.load(exp / "checkpoint.pt", weights_only=True)
    assert halfway["progress"]["epoch"] == 1
    assert not halfway["progress"]["finished"]
    assert not (exp / "train_summary.json").exists()

    done = mini.ok(*OPTIONS)
    assert "going on after epoch 1" in done.stderr
    assert "epoch 1 of 2" in (exp / "train.1.log").read_text()
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
