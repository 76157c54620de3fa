"""Two processes of torchrun train as one does, and one that dies ends both, with its reason."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.experiment import SMALL, history, losses, train
from tests.helpers.processes import family, runs

ROOT = Path(__file__).parents[2]
LAUNCH = str(ROOT / "utils/launch.py")
# Of 8 clips in batches of 3 the last is 2, and 1 for each; of 7 it is 1, and none for the second.
UNEVEN = ("train.batch_size=3", "train.batch_size=7")
# AdamW divides by the size of a gradient, which for one near zero multiplies rounding noise.
LOSSES, WEIGHTS = 1e-5, 1e-3
LAST = ("adaptation=last", "adaptation_conf.rank=4")
# Pruned at random: of two entries of nearly one size, rounding may say which is the smaller. At a
# low rate: what is zero in the optimizer's state multiplies rounding noise too.
RELORA = (
    *("adaptation=relora", "adaptation_conf.target_modules=[q_proj,fc1]", "adaptation_conf.rank=4"),
    *("adaptation_conf.alpha=8", "adaptation_conf.every=2", "adaptation_conf.restart_warmup=1"),
    *("adaptation_conf.prune=random", "train.lr=1e-3"),
)
STOCHASTIC = (
    *("adaptation=stochastic", "adaptation_conf.squeeze=[1,2]", "adaptation_conf.query=[1,2]"),
    "adaptation_conf.key_value=[1,2,4]",
)
PELA = ("adaptation=pela", "adaptation_conf.c=3")
DGSCT = ("adaptation=dgsct", "adaptation_conf.guide_dim=16", "adaptation_conf.width=8")
DPF = ("adaptation=dpf", "adaptation_conf.sparsity=0.5", "adaptation_conf.ramp=0.5")
DPF += ("adaptation_conf.every=2", "train.lr=1e-3")
LORA = ("adaptation_conf.dropout=0.3",)
SLOW = pytest.mark.slow
# A process alone with two threads adds up in another order than with one.
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def command(mini_file, tiny_dump):
    """A function that gives the words of a training."""

    def words(exp: Path, processes: int, *overrides: str) -> list[str]:
        launcher = [LAUNCH, f"--nproc_per_node={processes}"]
        sets = [word for setting in (*SMALL, *overrides) for word in ("--set", setting)]
        paths = ["--pretrained", mini_file, "--dump_dir", tiny_dump, "--exp", exp]
        program = ["-m", "fad.bin.train", "--config", "lora", "--dump", "none"]
        launched = launcher if processes > 1 else []
        return [sys.executable, *launched, *program, *map(str, paths), *sets]

    return words


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, env=ENV, capture_output=True, text=True, timeout=120)


MORE = (("adaptation=lora",), ("train.accumulate=2",), LAST, RELORA, PELA, DGSCT)
# Each with one of the sizes; with the other, it takes long.
ALONE_OR_NOT = [
    pytest.param(more, UNEVEN[(number + other) % 2], marks=(SLOW,) * other)
    for number, more in enumerate(MORE)
    for other in (0, 1)
]


@pytest.mark.parametrize(("more", "uneven"), ALONE_OR_NOT)
def test_two_processes_train_as_one(command, mini_file, tiny_dump, tmp_path, uneven, more):
    one = train(tmp_path / "1", mini_file, tiny_dump, "lora", uneven, *more)
    two = tmp_path / "2"
    done = run(command(two, 2, uneven, *more))
    assert done.returncode == 0, done.stderr
    assert losses(two) == pytest.approx(losses(one), rel=LOSSES)
    assert [e["dev_eer"] for e in history(two)] == [e["dev_eer"] for e in history(one)]
    first, second = (load_file(exp / "best.safetensors") for exp in (one, two))
    for name, value in first.items():
        assert (second[name] - value).abs().max() <= WEIGHTS * max(1, value.abs().max()), name
    assert second.keys() == first.keys()
    assert "rank" not in done.stderr  # one process speaks for all


def test_two_processes_prune_as_one(command, mini_file, tiny_dump, tmp_path):
    train(tmp_path / "1", mini_file, tiny_dump, "lora", UNEVEN[0], *DPF)
    done = run(command(tmp_path / "2", 2, UNEVEN[0], *DPF))
    assert done.returncode == 0, done.stderr
    one, two = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["trained"] for name in "12"
    )
    masks = [name for name in one if name.endswith(".mask")]
    # Of two weights of nearly one size, rounding may say which is the smaller.
    differing = sum(int((one[name] != two[name]).sum()) for name in masks)
    assert differing <= 1e-3 * sum(one[name].numel() for name in masks)
    assert not any(one[name].all() for name in masks)
    # A key's bias has rounding noise for a gradient.
    for name in set(one) - set(masks) - {n for n in one if n.endswith("k_proj.bias")}:
        assert (two[name] - one[name]).abs().max() <= WEIGHTS * max(1, one[name].abs().max()), name


GO_ON = [LORA, *(pytest.param(more, marks=SLOW) for more in (RELORA, STOCHASTIC, DPF, DGSCT))]


@pytest.mark.parametrize("more", GO_ON)
def test_two_processes_go_on_to_the_same_bytes(command, tmp_path, more):
    overrides = (*more, "train.checkpoint_steps=1", "train.epochs=3")
    assert run(command(tmp_path / "whole", 2, *overrides)).returncode == 0
    words = command(tmp_path / "parts", 2, *overrides)
    with subprocess.Popen(words, env=ENV, stderr=subprocess.DEVNULL) as process:
        wait_for(tmp_path / "parts" / "checkpoint.pt")
        for pid in family(process.pid):
            os.kill(pid, signal.SIGKILL)
    check_going_on(tmp_path, words)


@pytest.mark.parametrize("processes", [pytest.param(1, marks=SLOW), 2])
def test_told_to_stop_it_saves_and_goes_on_to_the_same_bytes(command, tmp_path, processes):
    # Workers get the signal too, as from Slurm or a closed terminal, and must not die of it.
    more = ("train.num_workers=1", "train.checkpoint_steps=100000", "train.epochs=3")
    assert run(command(tmp_path / "whole", processes, *more)).returncode == 0
    words = command(tmp_path / "parts", processes, *more)
    with subprocess.Popen(words, env=ENV, stderr=subprocess.PIPE, text=True) as process:
        wait_for(tmp_path / "parts" / "checkpoint.pt")  # of the first epoch
        for pid in family(process.pid):
            os.kill(pid, signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert "told to stop: saved at epoch" in said
    check_going_on(tmp_path, words)


def test_two_nodes_train_as_two_processes_of_one(command, tmp_path):
    """Each node's launcher is started by itself, as a scheduler would; here on one machine."""
    assert run(command(tmp_path / "one", 2)).returncode == 0
    words = command(tmp_path / "two", 2)
    words[2:3] = ["--num_nodes=2", "--nproc_per_node=1"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meet = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    nodes = [
        subprocess.Popen(words, env={**ENV, **meet, "NODE_RANK": rank}, stderr=subprocess.DEVNULL)
        for rank in "01"
    ]
    assert [node.wait(timeout=120) for node in nodes] == [0, 0]
    weights = [(tmp_path / name / "best.safetensors").read_bytes() for name in ("one", "two")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("victim", [pytest.param(0, marks=SLOW), 1])
def test_a_killed_process_ends_both_and_is_named(command, tmp_path, victim):
    words = command(tmp_path / "exp", 2, "train.epochs=100000", "train.patience=100000")
    with subprocess.Popen(words, env=ENV, stderr=subprocess.PIPE, text=True) as process:
        wait_for(tmp_path / "exp" / "checkpoint.pt")
        _, *ranks = family(process.pid)
        (pid,) = (pid for pid in ranks if rank_of(pid) == victim)
        started = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        _, said = process.communicate(timeout=60)
        seconds = time.monotonic() - started
    assert process.returncode == 1
    assert seconds < 60
    cause = said.partition("Root Cause (first observed failure):")[2]
    assert f"rank      : {victim} " in cause
    assert "Signal 9 (SIGKILL)" in cause
    assert not any(runs(pid) for pid in ranks)


def test_processes_end_with_torchrun(command, tmp_path):
    words = command(tmp_path / "exp", 2, "train.epochs=100000", "train.patience=100000")
    with subprocess.Popen(words, env=ENV, stderr=subprocess.DEVNULL) as process:
        wait_for(tmp_path / "exp" / "checkpoint.pt")
        _, *ranks = family(process.pid)
        process.kill()
    deadline = time.monotonic() + 20
    while any(runs(pid) for pid in ranks):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_reason_of_one_process_is_shown(command, tmp_path, mini_file, tiny_dump):
    exp = train(tmp_path / "exp", mini_file, tiny_dump)
    done = run(command(exp, 2, "train.lr=0.5"))
    assert done.returncode == 1
    cause = done.stderr.partition("Root Cause (first observed failure):")[2]
    assert "made with another config or other data" in cause
    assert "+ train.lr: 0.5" in cause


def test_a_second_run_in_the_same_experiment_is_refused(command, tmp_path):
    words = command(tmp_path / "exp", 1, "train.epochs=100000", "train.patience=100000")
    with subprocess.Popen(words, env=ENV, stderr=subprocess.DEVNULL) as process:
        wait_for(tmp_path / "exp" / "checkpoint.pt")
        for processes in (1, 2):
            done = run(command(tmp_path / "exp", processes))
            assert done.returncode == 1
            assert f"exp: in use by process {process.pid} on " in done.stderr
        process.kill()


def check_going_on(folder: Path, words: list[str]) -> None:
    """What was broken off in `parts` ends, by the same command, as `whole` did."""
    halfway = torch.load(folder / "parts" / "checkpoint.pt", weights_only=True)
    assert not halfway["progress"]["finished"]
    done = run(words)
    assert done.returncode == 0, done.stderr
    assert "going on after epoch" in done.stderr
    weights = [(folder / name / "best.safetensors").read_bytes() for name in ("whole", "parts")]
    assert weights[0] == weights[1]


def rank_of(pid: int) -> int:
    """The number of a process among those of torchrun."""
    words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    (rank,) = (word[len(b"RANK=") :] for word in words if word.startswith(b"RANK="))
    return int(rank)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.01)
