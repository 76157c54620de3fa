"""Preemption, the failure of a node, and the time limit: a job goes on where it can."""

import pytest

from tests.slurm.cluster import finish, python, trace, wait_for, worker


def events(folder):
    """The trace without the numbers of processes."""
    return [line.split(" starts ")[0] + " starts" * (" starts " in line) for line in trace(folder)]


PREEMPTED = {"saves": "low", "once": "low", "cancelled": "cancel"}


@pytest.fixture(scope="module")
def preempted(cluster, tmp_path_factory):
    """Three jobs of one node, which another wanted for itself; what run_slurm.py said of each."""
    folders = {name: tmp_path_factory.mktemp(name) for name in PREEMPTED}
    node = ("--nodelist", "n2")
    started = {}
    for name, partition in PREEMPTED.items():
        options = ("--partition", partition, "--num_threads", "2", *node, f"{name}.log")
        command = worker(folders[name], "once" if name == "once" else "saves")
        started[name] = cluster.start(folders[name], *options, *command)
    assert wait_for(lambda: all(trace(folder) for folder in folders.values()))
    options = ("--partition", "high", "--num_threads", "8", *node, "high.log")
    assert cluster.run(tmp_path_factory.mktemp("high"), *options, *python("pass")).returncode == 0
    return {name: (folders[name], finish(started[name])) for name in PREEMPTED}


def test_a_preempted_job_that_saves_goes_on(preempted):
    folder, done = preempted["saves"]
    assert done.returncode == 0, done.stderr
    assert events(folder) == ["0.0 starts", "0.0 SIGTERM", "0.0 saved", "0.1 starts", "0.1 done"]
    log = (folder / "saves.log").read_text()
    assert "# exit code: 143\n" in log
    assert "# start 2 of job " in log
    assert log.endswith("# exit code: 0\n")


def test_a_preempted_job_that_does_not_save_starts_over(preempted):
    folder, done = preempted["once"]
    assert done.returncode == 0, done.stderr
    assert events(folder) == ["0.0 starts", "0.1 starts", "0.1 done"]


def test_a_job_that_is_preempted_by_cancelling_has_failed(preempted):
    folder, done = preempted["cancelled"]
    assert done.returncode == 1
    assert "# ended by Slurm: PREEMPTED" in done.stderr
    assert events(folder) == ["0.0 starts", "0.0 SIGTERM", "0.0 saved"]


@pytest.mark.slow
def test_the_tasks_of_a_node_that_failed_start_over_elsewhere(cluster, tmp_path):
    args = ("--num_threads", "4", "--nodelist", "n2", "lost.log", *worker(tmp_path, "once"))
    process = cluster.start(tmp_path, *args)
    assert wait_for(lambda: trace(tmp_path))
    cluster.fail_node("n2")
    try:
        assert wait_for(lambda: "PENDING" in " ".join(cluster.queue()), seconds=40)
    finally:
        assert cluster.script("start").returncode == 0
    done = finish(process)
    assert done.returncode == 0, done.stderr
    assert events(tmp_path) == ["0.0 starts", "0.1 starts", "0.1 done"]


@pytest.mark.slow
def test_at_its_time_limit_a_job_that_saves_goes_on(limited):
    job = limited["saves"]
    done = finish(job.process)
    assert done.returncode == 0, done.stderr
    # The child is told nothing: SIGTERM is for the command alone.
    traced = [line for line in events(job.folder) if line != "child starts"]
    assert traced == ["0.0 starts", "0.0 SIGTERM", "0.0 saved", "0.1 starts", "0.1 done"]
    log = (job.folder / "saves.log").read_text()
    assert "# SIGUSR1: the command is asked to stop\n" in log
    assert "# stopped: the job is back in the queue and goes on from what it saved\n" in log
    assert log.endswith("# exit code: 0\n")


@pytest.mark.slow
def test_a_job_does_not_start_over_for_ever(limited):
    job = limited["too_often"]
    done = finish(job.process)
    assert done.returncode == 1
    assert "not started over: it was 0 times (max_requeues)" in done.stderr
    assert events(job.folder) == ["0.0 starts", "0.0 SIGTERM", "0.0 saved"]


@pytest.mark.slow
def test_at_its_time_limit_a_job_that_does_not_save_has_failed(limited):
    job = limited["dies"]
    done = finish(job.process)
    assert done.returncode == 1
    assert "# exit code: -15 (signal SIGTERM)\n" in done.stderr
    assert "the command does not save: give it more --time\n" in done.stderr
    assert events(job.folder) == ["0.0 starts"]


@pytest.mark.slow
def test_a_job_that_slurm_kills_at_its_time_limit_has_failed(limited):
    job = limited["is_killed"]
    done = finish(job.process, seconds=150)
    assert done.returncode == 1
    assert "# ended by Slurm: TIMEOUT" in done.stderr
    assert events(job.folder) == ["0.0 starts"]
