"""What launch.py tells torchrun, and what it refuses; tests/faults/test_processes.py runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

UTILS = Path(__file__).parents[3] / "utils"
sys.path.insert(0, str(UTILS))

import launch  # noqa: E402

SLURM = {"SLURM_NODEID": "1", "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.7", "MASTER_PORT": "29400"}
OTHER = {"NODE_RANK": "1", "MASTER_ADDR": "10.0.0.7", "MASTER_PORT": "29400"}


@pytest.mark.parametrize("env", [SLURM, OTHER, {**OTHER, **SLURM}])
def test_nodes_meet_at_the_first(env):
    assert launch.rendezvous(2, env) == [
        "--nnodes=2",
        "--node_rank=1",
        "--master_addr=10.0.0.7",
        "--master_port=29400",
    ]


def test_one_node_needs_no_variables():
    assert launch.rendezvous(1, {}) == ["--standalone"]


@pytest.mark.parametrize("missing", SLURM)
def test_a_missing_variable_is_named(missing):
    env = {name: value for name, value in SLURM.items() if name != missing}
    with pytest.raises(ValueError, match=f"{missing}.* is not set"):
        launch.rendezvous(2, env)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--nproc_per_node=0", "-m", "x"], "start at 1"),
        (["--nproc_per_node=1", "--num_nodes=0", "-m", "x"], "start at 1"),
        (["--nproc_per_node=1"], "-m MODULE is missing"),
        (["--nproc_per_node=1", "-m"], "-m MODULE is missing"),
        (["--nproc_per_node=1", "x.py", "y"], "unrecognized arguments: x.py y"),
        (["--nproc_per_node=1", "--num_nodes=2", "-m", "x"], "NODE_RANK is not set"),
    ],
)
def test_what_makes_no_sense_is_refused(words, expected):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    done = subprocess.run(
        [sys.executable, UTILS / "launch.py", *words], env=plain, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert expected in done.stderr


def test_a_node_that_is_none_of_them_is_refused():
    with pytest.raises(ValueError, match="this is node 2 of them"):
        launch.rendezvous(2, {**SLURM, "SLURM_NODEID": "2"})


@pytest.mark.parametrize(
    ("processes", "given", "expected"),
    [(2, "", "2"), (3, "", "1"), (8, "", "1"), (2, "1", "1"), (4, "4", "1"), (1, "7", "4")],
)
def test_processes_share_the_cpus(monkeypatch, processes, given, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(4))
    assert launch.threads(processes, {"OMP_NUM_THREADS": given}) == expected
