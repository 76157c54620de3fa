"""A command on two nodes at once."""

import json
import os
import re
import signal
import time

import pytest

from tests.slurm.cluster import body, finish, python, trace, wait_for, worker
from tests.slurm.test_starting_over import events

SHOW = python(
    "import json, os, sys\n"
    "names = 'SLURM_NODEID SLURM_NNODES MASTER_PORT OMP_NUM_THREADS'.split()\n"
    "print(json.dumps([*(os.environ[name] for name in names), sys.argv[1:],"
    " os.environ['SLURM_LAUNCH_NODE_IPADDR'], os.getcwd()]))"
)


def test_each_node_has_one_and_knows_the_others(cluster, tmp_path):
    options = ("--num_nodes", "2", "--num_threads", "2", "JOB=4:4", "x.JOB.log")
    done = cluster.run(tmp_path, *options, *SHOW, "JOB", "it's $HOME\n")
    assert done.returncode == 0, done.stderr
    lines = sorted(json.loads(line) for line in body(tmp_path / "x.4.log"))
    assert [line[:2] for line in lines] == [["0", "2"], ["1", "2"]]
    assert lines[0][2:] == lines[1][2:]
    assert 0 < int(lines[0][2]) < 65536
    assert lines[0][3:5] == ["2", ["4", "it's $HOME\n"]]
    assert lines[0][6] == str(tmp_path)


@pytest.mark.slow
def test_the_end_of_one_node_ends_the_others(cluster, tmp_path):
    code = """
import os, sys, time
if os.environ["SLURM_NODEID"] == "1":
    sys.exit("last words of node 1")
time.sleep(100)
"""
    started = time.time()
    done = cluster.run(tmp_path, "--num_nodes", "2", "x.log", *python(code))
    assert time.time() - started < 30
    assert done.returncode == 1
    assert "last words of node 1\n" in done.stderr
    assert re.search(r"^# node 1 \(.*\): exit code 1$", done.stderr, re.M)
    assert "# exit code: 1\n" in (tmp_path / "x.log").read_text()


@pytest.mark.slow
def test_a_node_whose_command_is_killed_ends_the_others(cluster, tmp_path):
    process = cluster.start(tmp_path, "--num_nodes", "2", "k.log", *worker(tmp_path, "saves"))
    assert wait_for(lambda: len(trace(tmp_path)) == 2)
    (pid,) = (int(line.split()[-1]) for line in trace(tmp_path) if line.startswith("1."))
    os.kill(pid, signal.SIGKILL)
    done = finish(process)
    assert done.returncode == 1
    assert "# exit code: 137\n" in done.stderr
    # The other was told, and could save.
    assert "0.0 saved" in events(tmp_path)


@pytest.mark.slow
def test_near_the_time_limit_all_nodes_save_and_go_on(cluster, tmp_path):
    # SIGUSR1 to the job's batch step is what comes before its time limit.
    command = worker(tmp_path, "saves", "child")
    process = cluster.start(tmp_path, "--num_nodes", "2", "two.log", *command)
    assert wait_for(lambda: len(trace(tmp_path)) == 4)
    cluster.ask("scancel", "--batch", "--signal=USR1", cluster.job_of("two"))
    done = finish(process)
    assert done.returncode == 0, done.stderr
    for node in "01":
        traced = [line for line in events(tmp_path) if line.startswith(node)]
        words = ["0 starts", "0 SIGTERM", "0 saved", "1 starts", "1 done"]
        assert traced == [f"{node}.{word}" for word in words]
    assert not any(line.startswith("child SIG") for line in events(tmp_path))


@pytest.mark.slow
def test_preemption_with_time_to_save_lets_all_nodes_save(cluster, tmp_path):
    options = ("--partition", "low", "--num_nodes", "2", "--num_threads", "4")
    process = cluster.start(tmp_path, *options, "pre.log", *worker(tmp_path, "saves"))
    assert wait_for(lambda: len(trace(tmp_path)) == 2)
    options = ("--partition", "high", "--num_threads", "8", "--nodelist", "n2")
    assert cluster.run(tmp_path, *options, "high.log", *python("pass")).returncode == 0
    done = finish(process)
    assert done.returncode == 0, done.stderr
    for node in "01":
        assert f"{node}.0 saved" in events(tmp_path)
        assert f"{node}.1 done" in events(tmp_path)
