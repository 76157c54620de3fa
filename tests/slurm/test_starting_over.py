"""Preemption, the failure of a node, and the time limit: a job goes on where it can."""

from tests.slurm.cluster import finish, trace, wait_for, worker

WHOLE_NODE = ("--num_threads", "8", "--nodelist", "n2")


def events(folder):
    """The trace without the numbers of processes."""
    return [line.split(" starts ")[0] + " starts" * (" starts " in line) for line in trace(folder)]


def preempt(cluster, folder, *words, partition="low"):
    """A job on a whole node, and then one that is worth more: what the first run_slurm.py said."""
    args = ("--partition", partition, *WHOLE_NODE, f"{folder.name}.log", *worker(folder, *words))
    process = cluster.start(folder, *args)
    assert wait_for(lambda: trace(folder))
    other = folder / "other"
    other.mkdir()
    (other / "saved.0").touch()
    args = ("--partition", "high", *WHOLE_NODE, "high.log", *worker(other))
    assert cluster.run(other, *args).returncode == 0
    return finish(process)


def test_a_preempted_job_that_saves_goes_on(cluster, tmp_path):
    done = preempt(cluster, tmp_path, "saves")
    assert done.returncode == 0, done.stderr
    assert events(tmp_path) == ["0.0 starts", "0.0 SIGTERM", "0.0 saved", "0.1 starts", "0.1 done"]
    log = (tmp_path / f"{tmp_path.name}.log").read_text()
    assert "# exit code: 143\n" in log
    assert "# start 2 of job " in log
    assert log.endswith("# exit code: 0\n")


def test_a_preempted_job_that_does_not_save_starts_over(cluster, tmp_path):
    done = preempt(cluster, tmp_path, "once")
    assert done.returncode == 0, done.stderr
    assert events(tmp_path) == ["0.0 starts", "0.1 starts", "0.1 done"]


def test_a_job_that_is_preempted_by_cancelling_has_failed(cluster, tmp_path):
    done = preempt(cluster, tmp_path, "saves", partition="cancel")
    assert done.returncode == 1
    assert "# ended by Slurm: PREEMPTED" in done.stderr
    assert events(tmp_path) == ["0.0 starts", "0.0 SIGTERM", "0.0 saved"]


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


def test_a_job_does_not_start_over_for_ever(limited):
    job = limited["too_often"]
    done = finish(job.process)
    assert done.returncode == 1
    assert "not started over: it was 0 times (max_requeues)" in done.stderr
    assert events(job.folder) == ["0.0 starts", "0.0 SIGTERM", "0.0 saved"]


def test_at_its_time_limit_a_job_that_does_not_save_has_failed(limited):
    job = limited["dies"]
    done = finish(job.process)
    assert done.returncode == 1
    assert "# exit code: -15 (signal SIGTERM)\n" in done.stderr
    assert "the command does not save: give it more --time\n" in done.stderr
    assert events(job.folder) == ["0.0 starts"]


def test_a_job_that_slurm_kills_at_its_time_limit_has_failed(limited):
    job = limited["is_killed"]
    done = finish(job.process, seconds=150)
    assert done.returncode == 1
    assert "# ended by Slurm: TIMEOUT" in done.stderr
    assert events(job.folder) == ["0.0 starts"]
