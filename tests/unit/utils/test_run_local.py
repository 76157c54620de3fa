"""utils/run_local.py: a command, its log, its children and its share of the machine."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "utils" / "run_local.py"
CPUS = len(os.sched_getaffinity(0))


def command(*args: str) -> list[str]:
    return [sys.executable, str(PROGRAM), *args]


def run(folder: Path, *args: str, env: dict[str, str] | None = None, **options):
    plain = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    return subprocess.run(
        command(*args),
        cwd=folder,
        env={**plain, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def python(code: str) -> tuple[str, str, str]:
    return sys.executable, "-c", code


def body(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if not line.startswith("#")]


def wait_for(condition, seconds: float = 20.0) -> bool:
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def is_alive(pid: int) -> bool:
    """Whether the process still runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_log_has_command_host_times_output_and_exit_code(tmp_path):
    done = run(tmp_path, "a/b/x.log", *python("print('to stdout')"))
    assert (done.returncode, done.stdout) == (0, "")
    lines = (tmp_path / "a/b/x.log").read_text().splitlines()
    assert lines[0].startswith("# command: ")
    assert lines[0].endswith("""-c 'print('"'"'to stdout'"'"')'""")
    time_of_day = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}"
    assert re.fullmatch(r"# host: \S+", lines[1])
    assert re.fullmatch(f"# started: {time_of_day}", lines[2])
    assert lines[3] == "to stdout"
    assert re.fullmatch(rf"# ended: {time_of_day}, after \d+ s", lines[4])
    assert lines[5:] == ["# exit code: 0"]


def test_job_is_replaced_in_the_logs_name_and_as_a_whole_argument(tmp_path):
    show = python("import sys; print(sys.argv[1:])")
    done = run(tmp_path, "JOB=1:3", "my-JOB/x.JOB.log", *show, "JOB", "my-JOB/w", "JOBS", "myJOB")
    assert done.returncode == 0
    for number in (1, 2, 3):
        seen = body(tmp_path / f"my-JOB/x.{number}.log")
        assert seen == [str([f"{number}", "my-JOB/w", "JOBS", "myJOB"])]


def test_without_a_range_job_is_a_word_like_any_other(tmp_path):
    run(tmp_path, "JOB.log", *python("import sys; print(sys.argv[1])"), "JOB")
    assert body(tmp_path / "JOB.log") == ["JOB"]


@pytest.mark.parametrize("value", ["$(touch pwned)", "; touch pwned", "a  b", "*", "--gpu", "it's"])
def test_no_shell_reads_the_arguments(tmp_path, value):
    done = run(tmp_path, "x.log", *python("import sys; print(sys.argv[1:])"), value, "--mem")
    assert done.returncode == 0
    assert body(tmp_path / "x.log") == [str([value, "--mem"])]
    assert not (tmp_path / "pwned").exists()


def test_a_command_alone_and_the_first_of_many_show_their_stderr(tmp_path):
    code = python("import sys; sys.stderr.write('\\r 50%\\r100%\\n'); print('out')")
    done = run(tmp_path, "x.log", *code)
    assert done.stderr == "\r 50%\r100%\n".replace("\r", "\n")  # universal newlines
    assert done.stdout == ""
    assert b"\r 50%\r100%\n" in (tmp_path / "x.log").read_bytes()
    assert "out" in body(tmp_path / "x.log")
    code = python("import sys; sys.stderr.write(f'job {sys.argv[1]}')")
    done = run(tmp_path, "JOB=1:3", "y.JOB.log", *code, "JOB")
    assert done.stderr == "job 1"
    assert all(f"job {n}" in (tmp_path / f"y.{n}.log").read_text() for n in (1, 2, 3))


def test_a_failing_job_is_shown_and_the_others_are_finished(tmp_path):
    code = "import sys; print('last words of', sys.argv[1]); sys.exit(3 * (sys.argv[1] == '2'))"
    done = run(tmp_path, "--max_jobs_run", "1", "JOB=1:3", "x.JOB.log", *python(code), "JOB")
    assert done.returncode == 1
    assert "1 of 3 jobs failed" in done.stderr
    assert "==> x.2.log <==" in done.stderr
    assert "last words of 2" in done.stderr
    assert "last words of 1" not in done.stderr
    assert (tmp_path / "x.2.log").read_text().endswith("# exit code: 3\n")
    assert (tmp_path / "x.3.log").read_text().endswith("# exit code: 0\n")


def test_a_command_that_is_not_there_or_is_killed_has_failed(tmp_path):
    done = run(tmp_path, "x.log", "no-such-program")
    assert done.returncode == 1
    assert "no-such-program" in done.stderr
    assert (tmp_path / "x.log").read_text().endswith("# exit code: 127\n")
    done = run(tmp_path, "y.log", *python("import os; os.kill(os.getpid(), 9)"))
    assert done.returncode == 1
    assert "# exit code: -9 (signal SIGKILL)" in (tmp_path / "y.log").read_text()


def test_no_more_jobs_at_a_time_than_asked_for(tmp_path):
    # The first job waits for company, the others stay a while: each prints how many there were.
    code = """
import os, sys, time
def count(): return len([name for name in os.listdir() if name.startswith("on.")])
open(f"on.{sys.argv[1]}", "w").close()
end = time.time() + 20
while sys.argv[1] == "1" and count() < 2 and time.time() < end:
    time.sleep(0.01)
time.sleep(0.2)
print(count())
os.remove(f"on.{sys.argv[1]}")
"""
    done = run(tmp_path, "--max_jobs_run", "2", "JOB=1:5", "x.JOB.log", *python(code), "JOB")
    assert done.returncode == 0, done.stderr
    assert max(int(body(tmp_path / f"x.{k}.log")[0]) for k in range(1, 6)) == 2


@pytest.mark.parametrize(
    ("options", "given", "expected"),
    [
        (["JOB=1:2"], None, str(max(1, CPUS // 2))),
        (["--max_jobs_run", str(CPUS + 1), f"JOB=1:{CPUS + 1}"], None, "1"),
        (["--max_jobs_run", "1", "JOB=1:2"], None, "unset"),
        (["JOB=1:2"], "7", "7"),
        ([], None, "unset"),
    ],
)
def test_concurrent_jobs_share_the_cpus(tmp_path, options, given, expected):
    if options == ["JOB=1:2"] and CPUS < 2:
        expected = given or "unset"
    show = python("import os; print(os.environ.get('OMP_NUM_THREADS', 'unset'))")
    run(tmp_path, *options, "x.JOB.log", *show, env={"OMP_NUM_THREADS": given} if given else None)
    log = tmp_path / ("x.1.log" if options else "x.JOB.log")
    assert body(log) == [expected]


def test_each_job_gets_gpus_of_its_own(tmp_path):
    show = python("import os, time; time.sleep(0.3); print(os.environ['CUDA_VISIBLE_DEVICES'])")
    env = {"CUDA_VISIBLE_DEVICES": "3,5,6"}
    run(tmp_path, "--gpu", "1", "--max_jobs_run", "2", "JOB=1:4", "x.JOB.log", *show, env=env)
    assert {body(tmp_path / f"x.{k}.log")[0] for k in (1, 2)} == {"3", "5"}
    assert {body(tmp_path / f"x.{k}.log")[0] for k in (3, 4)} <= {"3", "5"}
    run(tmp_path, "--gpu", "2", "y.log", *show, env=env)
    assert body(tmp_path / "y.log") == ["3,5"]
    run(tmp_path, "--gpu", "0", "z.log", *show, env=env)
    assert body(tmp_path / "z.log") == [""]
    run(tmp_path, "w.log", *show, env=env)
    assert body(tmp_path / "w.log") == ["3,5,6"]
    done = run(tmp_path, "--gpu", "4", "v.log", *show, env=env)
    assert done.returncode == 2
    assert "a job wants 4 GPU(s), and this machine shows 3: give --ngpu 0" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_jobs_and_their_children(tmp_path, number):
    # Each job has a child; one of the jobs and its child ignore the polite signal.
    code = """
import os, signal, subprocess, sys, time
if sys.argv[1] == "1":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
with open(f"part.{sys.argv[1]}", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(f"part.{sys.argv[1]}", f"pids.{sys.argv[1]}")
time.sleep(100)
"""
    started = [tmp_path / "pids.1", tmp_path / "pids.2"]
    options = ("--max_jobs_run", "2", "JOB=1:3", "x.JOB.log")
    runner = subprocess.Popen(
        command(*options, *python(code), "JOB"), cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    try:
        assert wait_for(lambda: all(path.exists() for path in started))
        pids = [int(pid) for path in started for pid in path.read_text().split()]
        assert len(pids) == 4
        assert all(is_alive(pid) for pid in pids)
        runner.send_signal(number)
        assert runner.wait(timeout=30) == 128 + number
    finally:
        runner.kill()
    assert wait_for(lambda: not any(is_alive(pid) for pid in pids), seconds=5)
    assert number.name in runner.stderr.read()
    assert not (tmp_path / "x.3.log").exists()
    assert "# exit code: -9 (signal SIGKILL)" in (tmp_path / "x.1.log").read_text()
    assert "# exit code: -15 (signal SIGTERM)" in (tmp_path / "x.2.log").read_text()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "a log file and a command are needed"),
        (["x.log"], "a log file and a command are needed"),
        (["JOB=1:2", "x.log", "true"], "put JOB in its name"),
        (["JOB=2:1", "x.JOB.log", "true"], "JOB= takes a range"),
        (["JOB=0:3", "x.JOB.log", "true"], "from 1 up"),
        (["JOB=a:b", "x.JOB.log", "true"], "JOB= takes a range"),
        (["--num_nodes", "2", "x.log", "true"], "this is one machine"),
        (["--max_jobs_run", "0", "x.log", "true"], "--max_jobs_run starts at 1"),
        (["--num_threads", "0", "x.log", "true"], "--num_threads starts at 1"),
        (["--gpus", "1", "x.log", "true"], "--gpus"),
    ],
)
def test_mistakes_are_named_and_nothing_runs(tmp_path, args, says):
    done = run(tmp_path, *args)
    assert done.returncode == 2
    assert says in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_cluster_options_are_taken(tmp_path):
    options = ("--mem", "16G", "--time", "1-0", "--num_nodes", "1")
    assert run(tmp_path, *options, "x.log", *python("print(1)")).returncode == 0


def test_a_log_that_cannot_grow_ends_no_job(tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    code = "import sys; sys.stderr.write('x' * 500_000); open('done', 'w').close()"
    done = run(tmp_path, "x.log", *python(code), preexec_fn=limit)
    assert done.returncode == 0
    assert (tmp_path / "done").exists()
    assert done.stderr.count("x") >= 500_000
    assert "x.log: File too large: # exit code: 0" in done.stderr


def test_a_log_that_cannot_be_made_is_a_failed_job(tmp_path):
    (tmp_path / "log").write_text("a file where a folder should be")
    done = run(tmp_path, "log/x.log", *python("open('ran', 'w')"))
    assert done.returncode == 1
    assert "log/x.log" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("options", [["JOB=1:2"], ["--max_jobs_run", "1", "JOB=1:2"], []])
def test_num_threads_is_what_each_job_gets(tmp_path, options):
    show = python("import os; print(os.environ['OMP_NUM_THREADS'])")
    args = ("--num_threads", "3", *options, "x.JOB.log", *show)
    assert run(tmp_path, *args, env={"OMP_NUM_THREADS": "7"}).returncode == 0
    assert body(tmp_path / ("x.1.log" if options else "x.JOB.log")) == ["3"]
