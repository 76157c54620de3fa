"""What ends a job before it has: a signal here, a hand elsewhere, SIGKILL."""

import os
import signal
import subprocess
import sys

import pytest

from tests.helpers.processes import runs
from tests.slurm.cluster import PROGRAM, finish, trace, wait_for, worker


def pids(folder, count=1):
    """Those of the workers, once they all work."""
    assert wait_for(lambda: len(trace(folder)) >= count), trace(folder)
    return [int(line.split()[-1]) for line in trace(folder) if " starts " in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_the_jobs_and_waits_for_their_end(cluster, tmp_path, number):
    stem = f"by_{number.name}"
    options = ("--max_jobs_run", "2", "JOB=1:3", f"{stem}.JOB.log")
    process = cluster.start(tmp_path, *options, *worker(tmp_path))
    found = pids(tmp_path, 2)
    process.send_signal(number)
    done = finish(process)
    assert done.returncode == 128 + number
    assert f"stopped by {number.name}; cancelling" in done.stderr
    assert "all jobs were ended" in done.stderr
    assert not any(runs(pid) for pid in found)
    assert not cluster.has(stem)
    assert len(trace(tmp_path)) == 2


def test_jobs_are_cancelled_where_nobody_reads_what_it_says(cluster, tmp_path):
    """As where a terminal is closed, or Ctrl-C ends the `tee` behind it first."""
    process = cluster.start(tmp_path, "unread.log", *worker(tmp_path))
    found = pids(tmp_path)
    process.stderr.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 128 + signal.SIGINT
    assert not any(runs(pid) for pid in found)
    assert not cluster.has("unread")


def test_a_killed_run_slurm_leaves_no_jobs(cluster, tmp_path):
    process = cluster.start(tmp_path, "orphan.log", *worker(tmp_path))
    found = pids(tmp_path)
    process.kill()
    process.wait()
    assert wait_for(lambda: not cluster.has("orphan"), seconds=20)
    assert not any(runs(pid) for pid in found)
    assert wait_for(lambda: not list(tmp_path.glob(".*.slurm")))


def test_the_end_of_the_caller_cancels_the_jobs(cluster, tmp_path):
    code = f"import subprocess, sys; subprocess.run([{str(PROGRAM)!r}, *sys.argv[1:]])"
    caller = subprocess.Popen(
        [sys.executable, "-c", code, "called.log", *worker(tmp_path)], cwd=tmp_path, env=cluster.env
    )
    found = pids(tmp_path)
    caller.kill()
    caller.wait()
    assert wait_for(lambda: not cluster.has("called"), seconds=20)
    assert not any(runs(pid) for pid in found)
    assert wait_for(lambda: not list(tmp_path.glob(".*.slurm")))


MORE = [pytest.param(word, marks=pytest.mark.slow) for word in ("ignores", "")]


@pytest.mark.parametrize("word", ["saves", *MORE])
def test_a_job_that_was_cancelled_elsewhere_has_failed(cluster, tmp_path, word):
    stem = f"cancelled{word}"
    process = cluster.start(tmp_path, f"{stem}.log", *worker(tmp_path, word))
    pids(tmp_path)
    cluster.ask("scancel", cluster.job_of(stem))
    done = finish(process)
    assert done.returncode == 1
    assert "1 of 1 jobs failed" in done.stderr
    assert "# ended by Slurm: CANCELLED" in (tmp_path / f"{stem}.log").read_text()
    assert len([line for line in trace(tmp_path) if "starts" in line]) == 1


def test_a_task_that_was_cancelled_while_it_waited_has_failed(cluster, tmp_path):
    args = ("--max_jobs_run", "1", "JOB=1:2", "waits.JOB.log", *worker(tmp_path, "saves"))
    process = cluster.start(tmp_path, *args)
    pids(tmp_path)
    job = cluster.job_of("waits").partition("_")[0]
    cluster.ask("scancel", f"{job}_2")
    (tmp_path / "saved.0").touch()  # so that the first ends well
    done = finish(process)
    assert done.returncode == 1
    assert "1 of 2 jobs failed\n==> waits.2.log <==\n# ended by Slurm: CANCELLED" in done.stderr
    assert (tmp_path / "waits.1.log").read_text().endswith("# exit code: 0\n")


def test_a_killed_command_has_failed(cluster, tmp_path):
    process = cluster.start(tmp_path, "killed.log", *worker(tmp_path))
    (pid,) = pids(tmp_path)
    os.kill(pid, signal.SIGKILL)
    done = finish(process)
    assert done.returncode == 1
    assert "# exit code: -9 (signal SIGKILL)\n" in done.stderr
    assert len(trace(tmp_path)) == 1


def test_a_killed_slurm_job_has_failed(cluster, tmp_path):
    process = cluster.start(tmp_path, "parent.log", *worker(tmp_path))
    (pid,) = pids(tmp_path)
    with open(f"/proc/{pid}/stat") as stat:
        os.kill(int(stat.read().rpartition(")")[2].split()[1]), signal.SIGKILL)
    done = finish(process)
    assert done.returncode == 1
    assert "# ended by Slurm: FAILED (exit code 0:9" in done.stderr
    assert len(trace(tmp_path)) == 1
