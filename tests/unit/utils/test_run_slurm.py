"""utils/run_slurm.py on a controller that is busy, loses jobs, and says how they ended."""

import signal
import sys

import pytest

SHOW = (sys.executable, "-c", "import os, sys; print(sys.argv[1:], os.getcwd())")
NASTY = ["$HOME", "$(touch pwned)", "a  b", "*", "it's", '"', "a\nb\\", "%a", "--mem", ""]


def body(log):
    return [line for line in log.read_text().splitlines() if not line.startswith("#")]


def test_what_sbatch_gets_and_what_the_command_gets(slurm):
    log = "a %d/JOB.log"
    options = ("--gpu", "2", "--max_jobs_run", "3", "--num_threads", "4", "JOB=2:3")
    done = slurm.run("run_slurm.py", *options, log, *SHOW, "JOB", *NASTY)
    assert done.returncode == 0, done.stderr
    ((first, *rest, _),) = slurm.calls("sbatch")
    name = next(word for word in rest if word.startswith("--job-name="))
    assert [first, *rest] == [
        *("--requeue", "--nodes=1", "--ntasks-per-node=1", "--cpus-per-task=4", "--gres=gpu:2"),
        *("--signal=B:USR1@90", "--parsable", "--export=ALL", "--open-mode=append"),
        *(f"--chdir={slurm.jobs}", name, "--array=2-3%3", f"--output={slurm.jobs}/a %%d/%a.log"),
    ]
    for number in (2, 3):
        seen = body(slurm.jobs / f"a %d/{number}.log")
        assert seen == [f"{[f'{number}', *NASTY]} {slurm.jobs}"]
    assert sorted(path.name for path in (slurm.jobs / "a %d").iterdir()) == ["2.log", "3.log"]
    assert not (slurm.jobs / "pwned").exists()


def test_a_busy_controller_is_no_end(slurm):
    slurm.set(mode="late", squeue_busy="1000")
    done = slurm.run("run_slurm.py", "x.log", *SHOW)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Socket timed out on send/recv operation; asking again") == 1
    assert len(slurm.calls("squeue")) > 2
    assert body(slurm.jobs / "x.log") == [f"[] {slurm.jobs}"]


def test_an_end_may_come_after_the_task_has_left_the_queue(slurm):
    slurm.set(mode="late", show="JobId=77 JobState=COMPLETED Reason=None ExitCode=0:0")
    slurm.conf.write_text(slurm.conf.read_text() + "default grace=4\n")
    assert slurm.run("run_slurm.py", "x.log", *SHOW).returncode == 0


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            {"show": "JobId=77 JobState=NODE_FAIL Reason=NodeDown ExitCode=0:0"},
            "# ended by Slurm: NODE_FAIL (exit code 0:0, NodeDown)\n",
        ),
        ({"sacct": "OUT_OF_MEMORY|0:125\n"}, "# ended by Slurm: OUT_OF_MEMORY (exit code 0:125)\n"),
        ({"sacct": "CANCELLED by 0|0:0\n"}, "# ended by Slurm: CANCELLED by 0 (exit code 0:0)\n"),
        ({}, "# ended by Slurm: unknown to Slurm by now\n"),
        (
            {"show": "JobId=77 JobState=COMPLETED Reason=None ExitCode=0:0"},
            "do the nodes share it?",
        ),
    ],
)
def test_how_a_task_without_an_end_ended_is_said(slurm, files, says):
    slurm.set(mode="vanishes", squeue_busy="1", **files)
    done = slurm.run("run_slurm.py", "x.log", *SHOW)
    assert done.returncode == 1
    assert says in done.stderr
    assert says in (slurm.jobs / "x.log").read_text()
    assert [path.name for path in slurm.jobs.iterdir()] == ["x.log"]


@pytest.mark.parametrize("was_taken", [True, False])
def test_a_doubtful_submission_is_not_done_twice(slurm, was_taken):
    slurm.set(sbatch_busy="1", mode="vanishes", show="JobId=77 JobState=FAILED ExitCode=9:0")
    if was_taken:
        slurm.set(queue="77|N/A|RUNNING|None\n")
    process = slurm.start("run_slurm.py", "x.log", *SHOW)
    assert slurm.wait_for(lambda: len(slurm.calls("squeue")) > 1)
    slurm.set(queue="")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert len(slurm.calls("sbatch")) == (1 if was_taken else 2)
    assert "trying again" in err
    assert "job 77, log x.log" in err


def test_what_was_submitted_twice_after_all_runs_once(slurm):
    slurm.set(mode="late", queue="76|N/A|PENDING|Priority\n77|N/A|RUNNING|None\n")
    assert slurm.run("run_slurm.py", "x.log", *SHOW).returncode == 0
    assert any(call[-1] == "76" for call in slurm.calls("scancel"))
    assert not any(call[-1] == "77" for call in slurm.calls("scancel"))


def test_without_slurm_it_ends_at_once(slurm):
    done = slurm.run("run_slurm.py", "x.log", *SHOW, env={"PATH": str(slurm.jobs)})
    assert done.returncode == 1
    assert done.stderr == "run_slurm.py: error: sbatch: No such file or directory\n"
    assert [path.name for path in slurm.jobs.iterdir()] == ["x.log"]


def test_a_refused_submission_is_said(slurm):
    slurm.set(config="MaxArraySize            = 5\n")
    done = slurm.run("run_slurm.py", "JOB=1:5", "x.JOB.log", *SHOW)
    assert done.returncode == 1
    assert "JOB=1:5: tasks of an array end at 4 on this cluster (MaxArraySize 5)" in done.stderr
    assert slurm.calls("sbatch") == []
    assert slurm.run("run_slurm.py", "JOB=1:4", "x.JOB.log", *SHOW).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_busy_controller_is_asked_to_cancel_until_it_does(slurm, number):
    slurm.set(mode="vanishes", queue="77|N/A|PENDING|Priority\n", scancel_busy="2")
    process = slurm.start("run_slurm.py", "x.log", *SHOW)
    assert slurm.wait_for(lambda: slurm.calls("squeue"))
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "all jobs were ended" in err
    assert len(slurm.calls("scancel")) == 3
    assert [path.name for path in slurm.jobs.iterdir()] == ["x.log"]


def test_why_jobs_wait_is_said_once_where_it_is_unusual(slurm):
    held = "77|1|PENDING|JobHeldUser\n77|2|PENDING|Priority\n"
    slurm.set(mode="vanishes", queue=held, show="JobId=77 JobState=CANCELLED ExitCode=0:0")
    process = slurm.start("run_slurm.py", "JOB=1:2", "x.JOB.log", *SHOW)
    assert slurm.wait_for(lambda: len(slurm.calls("squeue")) > 3)
    slurm.set(queue="")
    _, err = process.communicate(timeout=30)
    assert err.count("jobs wait: JobHeldUser") == 1
    assert "Priority" not in err
    assert "2 of 2 jobs failed" in err


def test_a_log_that_cannot_be_made_is_one_line(slurm):
    (slurm.jobs / "log").write_text("a file where a folder should be")
    done = slurm.run("run_slurm.py", "log/x.log", *SHOW)
    assert done.returncode == 2
    assert done.stderr == "run_slurm.py: error: log: File exists\n"
    assert slurm.calls("sbatch") == []


@pytest.mark.parametrize(
    "printed",
    ["  Welcome 12\n--> quota...OK\n77", "hello\n77;cluster", "hi\nSubmitted batch job 77"],
)
def test_a_greeting_is_not_the_number(slurm, printed):
    slurm.set(printed=printed, mode="late", queue="77|N/A|RUNNING|None\n")
    done = slurm.run("run_slurm.py", "x.log", *SHOW)
    assert done.returncode == 0, done.stderr
    assert all("--state=PENDING" in call for call in slurm.calls("scancel"))
    assert body(slurm.jobs / "x.log") == [f"[] {slurm.jobs}"]


def test_no_number_and_no_job_is_one_line_with_what_was_printed(slurm):
    slurm.set(printed="Welcome to a Large Machine", mode="vanishes")
    done = slurm.run("run_slurm.py", "x.log", *SHOW)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "it printed 'Welcome to a Large Machine'" in done.stderr
