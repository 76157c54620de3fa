"""utils/slurm/job.py: when a task has ended, and when it is put back or Slurm's affair."""

import os
import signal
import sys

import pytest
from slurm.task import Spec, Task, read_end

SAVES = """
import signal, sys, time
def stop(number, frame):
    print("told", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
open("on", "w").close()
time.sleep(60)
"""
DIES = "import time; open('on', 'w').close(); time.sleep(60)"


def write_job(slurm, code, **changes):
    fields = {
        "command": [sys.executable, "-c", code, "JOB"],
        "cwd": str(slurm.jobs),
        "is_array": True,
        "num_nodes": 1,
        "env": {},
        "max_requeues": 5,
    }
    return Spec(**{**fields, **changes}).write(slurm.jobs)


def env_of(**changes):
    # The last task of an array has the number of the whole array as its job.
    names = {"JOB_ID": "70", "ARRAY_JOB_ID": "70", "ARRAY_TASK_ID": "3", "CPUS_ON_NODE": "3"}
    return {f"SLURM_{name}": value for name, value in {**names, **changes}.items()}


def run(slurm, code, env=None, **changes):
    return slurm.run("slurm/job.py", str(write_job(slurm, code, **changes)), env=env or env_of())


def signalled(slurm, code, number, env=None, **changes):
    """Its exit code and log, where a signal came."""
    path = write_job(slurm, code, **changes)
    process = slurm.start("slurm/job.py", str(path), env=env or env_of())
    assert slurm.wait_for((slurm.jobs / "on").exists)
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    return process.returncode, out


def requeued(slurm):
    return [call[1] for call in slurm.calls("scontrol") if call[0] == "requeue"]


RUNNING = "JobId=70 JobState=RUNNING Reason=None Restarts=0 PreemptTime=None ExitCode=0:0"


@pytest.mark.parametrize(("code", "end"), [("pass", 0), ("import sys; sys.exit(4)", 4)])
def test_an_end_is_written(slurm, code, end):
    slurm.set(show=RUNNING)
    done = run(slurm, code)
    assert done.returncode == end
    assert read_end(slurm.jobs, 3) == end
    assert done.stdout.endswith(f"# exit code: {end}\n")


def test_a_command_gets_its_number_threads_and_environment(slurm):
    code = "import os, sys; print(sys.argv[1], os.environ['OMP_NUM_THREADS'], os.getcwd())"
    assert f"\n3 3 {slurm.jobs}\n" in run(slurm, code).stdout
    (slurm.jobs / "end.3").unlink()
    settings = {"OMP_NUM_THREADS": "1"}
    path = write_job(slurm, code, env=settings)
    done = slurm.run("slurm/job.py", str(path), env={**env_of(), "OMP_NUM_THREADS": "7"})
    assert f"\n3 1 {slurm.jobs}\n" in done.stdout


def test_what_has_ended_is_not_run_again(slurm):
    (slurm.jobs / "end.3").write_text("0")
    done = run(slurm, "open('ran', 'w')", env=env_of(RESTART_COUNT="1"))
    assert (done.returncode, done.stdout) == (0, "")
    assert not (slurm.jobs / "ran").exists()


def test_the_end_of_an_overtaken_start_does_not_count(slurm):
    slurm.set(show=RUNNING)
    done = run(slurm, "open('start.3', 'w').write('1')")
    assert "a later start has taken over" in done.stdout
    assert read_end(slurm.jobs, 3) is None


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_a_command_that_saved_is_put_back_by_the_task_s_own_number(slurm, number):
    slurm.set(show=RUNNING)
    code, log = signalled(slurm, SAVES, number)
    assert code == 143
    assert log.count("told\n") == 1
    assert f"# {number.name}: the command is asked to stop\n" in log
    assert requeued(slurm) == ["70_3"]
    assert read_end(slurm.jobs, 3) is None


def test_a_busy_controller_is_asked_again_to_put_it_back(slurm):
    slurm.set(show=RUNNING, scontrol_busy="2")
    signalled(slurm, SAVES, signal.SIGUSR1)
    assert "70_3" in requeued(slurm)
    assert read_end(slurm.jobs, 3) is None


def test_where_putting_back_is_refused_it_has_failed(slurm):
    slurm.set(show=RUNNING, refuses="")
    _, log = signalled(slurm, SAVES, signal.SIGUSR1)
    assert "Requested operation is presently disabled" in log
    assert requeued(slurm) == ["70_3"]
    assert read_end(slurm.jobs, 3) == 143


def test_it_is_not_put_back_for_ever(slurm):
    slurm.set(show=RUNNING.replace("Restarts=0", "Restarts=5"))
    code, log = signalled(slurm, SAVES, signal.SIGUSR1, env=env_of(RESTART_COUNT="5"))
    assert code == 143
    assert "# start 6 of job 70_3\n" in log
    assert "not started over: it was 5 times (max_requeues)" in log
    assert requeued(slurm) == []
    assert read_end(slurm.jobs, 3) == 143


def test_a_command_that_does_not_save_has_failed_at_its_time_limit(slurm):
    slurm.set(show=RUNNING)
    code, log = signalled(slurm, DIES, signal.SIGUSR1)
    assert code == 128 + 15
    assert "give it more --time" in log
    assert requeued(slurm) == []
    assert read_end(slurm.jobs, 3) == -15


@pytest.mark.parametrize("command", [SAVES, DIES])
@pytest.mark.parametrize(
    "state",
    [
        "JobState=COMPLETING Restarts=0",  # cancelled
        "JobState=COMPLETING Restarts=1",  # preempted, or a node of it failed
        "JobState=RUNNING Restarts=1",  # started over elsewhere already
        "JobState=CANCELLED Restarts=0",
    ],
)
def test_what_slurm_ends_is_for_slurm_to_say(slurm, command, state):
    slurm.set(show=f"JobId=70 {state}")
    path = write_job(slurm, command)
    process = slurm.start("slurm/job.py", str(path), env=env_of())
    assert slurm.wait_for((slurm.jobs / "on").exists)
    children = [int(pid) for pid in children_of(process.pid)]
    process.send_signal(signal.SIGTERM)
    for child in children:  # Slurm signals all processes of a job
        os.kill(child, signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert "# Slurm ended start 1 of job 70_3" in out
    assert "asked to stop" not in out
    assert requeued(slurm) == []
    assert read_end(slurm.jobs, 3) is None


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()


def test_a_preempted_job_whose_command_ends_is_put_back(slurm):
    slurm.set(show=RUNNING.replace("PreemptTime=None", "PreemptTime=2030-01-01T00:00:00"))
    run(slurm, "import sys; sys.exit(1)")
    assert requeued(slurm) == ["70_3"]
    assert read_end(slurm.jobs, 3) is None


def test_a_command_that_fails_by_itself_has_failed_though_nobody_can_be_asked(slurm):
    slurm.set(scontrol_busy="1000")
    assert run(slurm, "import sys; sys.exit(2)").returncode == 2
    assert read_end(slurm.jobs, 3) == 2


def test_a_lone_job_goes_by_its_own_number(slurm):
    path = write_job(slurm, "pass", is_array=False)
    task = Task(path, {"SLURM_JOB_ID": "12"})
    assert (task.job, task.number, task.command[-1]) == ("12", 0, "JOB")
