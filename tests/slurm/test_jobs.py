"""What jobs get, and what comes back."""

import json
import re
import sys

import pytest

from tests.slurm.cluster import body, python, wait_for

SHOW = python(
    "import json, os, sys; print(json.dumps([sys.argv[1:], os.getcwd(), os.environ.get('MINE'),"
    " os.environ.get('OMP_NUM_THREADS'), os.environ.get('CUDA_VISIBLE_DEVICES')]))"
)
NASTY = [
    "$HOME",
    "$(touch pwned)",
    "; touch pwned",
    "a  b",
    "*",
    "it's",
    '"',
    "a\nb\\",
    "--mem",
    "",
]


def shown(log):
    return json.loads(body(log)[0])


def test_an_array_gets_arguments_folder_and_environment(cluster, tmp_path):
    folder = tmp_path / "a folder's $HOME %a"
    folder.mkdir()
    mine = "two\nlines, a comma and $HOME"
    env = {"MINE": mine, "CUDA_VISIBLE_DEVICES": "7"}
    done = cluster.run(folder, "JOB=1:3", "log/x.JOB.log", *SHOW, "JOB", *NASTY, env=env)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert re.fullmatch(r"run_slurm.py: job \d+ \(3 tasks\), log log/x.JOB.log\n", done.stderr)
    for number in (1, 2, 3):
        # The last two: the CPUs that Slurm gave, and no device of the machine that submits.
        seen = shown(folder / f"log/x.{number}.log")
        assert seen == [[f"{number}", *NASTY], str(folder), mine, "1", None]
    assert sorted(path.name for path in folder.rglob("*")) == [
        "log",
        *(f"x.{n}.log" for n in "123"),
    ]


def test_a_log_is_that_of_run_local(cluster, tmp_path):
    done = cluster.run(tmp_path, "x.log", *python("print('out')"))
    assert done.returncode == 0
    lines = (tmp_path / "x.log").read_text().splitlines()
    time_of_day = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}"
    assert lines[0] == f"# command: {sys.executable} -c 'print('\"'\"'out'\"'\"')'"
    assert re.fullmatch(r"# host: \S+", lines[1])
    assert re.fullmatch(f"# started: {time_of_day}", lines[2])
    assert lines[3] == "out"
    assert re.fullmatch(rf"# ended: {time_of_day}, after \d+ s", lines[4])
    assert lines[5:] == ["# exit code: 0"]


def test_threads_and_gpus_are_those_asked_for(cluster, tmp_path):
    cluster.run(tmp_path, "--num_threads", "3", "--gpu", "2", "a.log", *SHOW)
    assert shown(tmp_path / "a.log")[3:] == ["3", "0,1"]
    cluster.run(tmp_path, "--gpu=0", "b.log", *SHOW, env={"OMP_NUM_THREADS": "5"})
    assert shown(tmp_path / "b.log")[3:] == ["5", ""]


def test_a_failing_task_is_shown_and_the_others_are_finished(cluster, tmp_path):
    code = "import sys; print('last words of', sys.argv[1]); sys.exit(3 * (sys.argv[1] == '2'))"
    options = ("--max_jobs_run", "1", "JOB=1:3")
    done = cluster.run(tmp_path, *options, "x.JOB.log", *python(code), "JOB")
    assert done.returncode == 1
    assert "run_slurm.py: error: 1 of 3 jobs failed\n==> x.2.log <==\n" in done.stderr
    assert "last words of 2" in done.stderr
    assert "last words of 1" not in done.stderr
    assert (tmp_path / "x.2.log").read_text().endswith("# exit code: 3\n")
    assert (tmp_path / "x.3.log").read_text().endswith("# exit code: 0\n")


def test_no_more_tasks_at_a_time_than_asked_for(cluster, tmp_path):
    code = """
import os, sys, time
open(f"on.{sys.argv[1]}", "w").close()
time.sleep(0.5)
print(len([name for name in os.listdir() if name.startswith("on.")]))
os.remove(f"on.{sys.argv[1]}")
"""
    options = ("--max_jobs_run", "2", "JOB=3:7")
    done = cluster.run(tmp_path, *options, "x.JOB.log", *python(code), "JOB")
    assert done.returncode == 0, done.stderr
    assert max(int(body(tmp_path / f"x.{k}.log")[0]) for k in range(3, 8)) <= 2


def test_the_log_of_a_lone_job_is_shown_as_it_grows(cluster, tmp_path):
    code = """
import os, sys, time
print("half", flush=True)
while not os.path.exists("go"):
    time.sleep(0.05)
print("whole")
"""
    process = cluster.start(tmp_path, "x.log", *python(code))
    lines = []
    while not lines or lines[-1] != "half\n":
        lines.append(process.stderr.readline())
        assert lines[-1], lines
    (tmp_path / "go").touch()
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 0
    assert rest.startswith("whole\n")
    assert "".join(lines[1:]) + rest == (tmp_path / "x.log").read_text()


def test_a_command_that_is_not_there_has_failed(cluster, tmp_path):
    done = cluster.run(tmp_path, "x.log", "no-such-program")
    assert done.returncode == 1
    assert "No such file or directory: 'no-such-program'" in done.stderr
    assert (tmp_path / "x.log").read_text().endswith("# exit code: 127\n")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["JOB=1:51", "x.JOB.log"], "tasks of an array end at 50 on this cluster"),
        (["--partition", "no_such", "x.log"], "invalid partition specified: no_such"),
    ],
)
def test_what_slurm_cannot_take_is_said(cluster, tmp_path, args, says):
    done = cluster.run(tmp_path, *args, *python("open('ran', 'w')"))
    assert done.returncode == 1
    assert says in done.stderr
    assert not (tmp_path / "ran").exists()


def test_inside_another_job_the_environment_of_that_does_no_harm(cluster, tmp_path):
    env = {"SLURM_MEM_PER_CPU": "100", "SLURM_JOB_ID": "9", "SLURM_CPUS_PER_TASK": "7"}
    code = "import os; print(os.environ.get('SLURM_MEM_PER_CPU'), os.environ['SLURM_JOB_ID'])"
    done = cluster.run(tmp_path, "--mem", "1G", "x.log", *python(code), env=env)
    assert done.returncode == 0, done.stderr
    (words,) = (line.split() for line in body(tmp_path / "x.log"))
    assert words[0] == "None"
    assert words[1] != "9"


def test_the_queue_is_left_empty(cluster, tmp_path):
    cluster.run(tmp_path, "JOB=1:2", "left.JOB.log", *python("pass"))
    assert wait_for(lambda: not cluster.has("left"), seconds=10)
