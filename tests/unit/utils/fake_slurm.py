"""sbatch, squeue, scontrol, scancel and sacct, as a test wants them to be.

They go by files of the folder FAKE_SLURM:

    calls            what was called, a JSON line each
    <program>.busy   how many calls fail from now on, as those of a busy controller do
    mode             what becomes of a job: runs (default), vanishes, late (runs after two seconds)
    queue            the lines of squeue
    show             what `scontrol show job` says; without it, that the job is not known
    printed          what sbatch prints; without it, the number and the cluster
    sacct            what sacct says; without it, that there is no accounting
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

folder = Path(os.environ["FAKE_SLURM"])
program, args = Path(sys.argv[0]).name, sys.argv[1:]


def read(name: str, default: str = "") -> str:
    """The text of a file, if it is there."""
    path = folder / name
    return path.read_text() if path.exists() else default


def run_tasks() -> None:
    """Runs the batch script once for each task, as nodes would."""
    options = dict(arg[2:].split("=", 1) for arg in args if arg.startswith("--") and "=" in arg)
    numbers = [""]
    if "array" in options:
        first, last = options["array"].partition("%")[0].split("-")
        numbers = [str(n) for n in range(int(first), int(last) + 1)]
    for number in numbers:
        env = {**os.environ, "SLURM_JOB_ID": "77", "SLURM_CPUS_ON_NODE": "3"}
        if number:
            env |= {"SLURM_ARRAY_JOB_ID": "77", "SLURM_ARRAY_TASK_ID": number}
        output = options["output"].replace("%a", number).replace("%%", "%")
        with open(output, "a") as log:
            subprocess.run(["/bin/sh", args[-1]], cwd="/", env=env, stdout=log, stderr=log)


def sbatch() -> str:
    """Submits; the job's number."""
    mode = read("mode", "runs")
    if mode == "runs":
        run_tasks()
    if mode == "late" and os.fork() == 0:
        for stream in (0, 1, 2):
            os.close(stream)
        os.open(os.devnull, os.O_RDWR)
        os.dup(0)
        os.dup(0)
        time.sleep(2)
        run_tasks()
        os._exit(0)
    return read("printed", "77;cluster")


def scontrol() -> str:
    """Three of its commands."""
    if "config" in args:
        return read("config", "MaxArraySize            = 1001\n")
    if "requeue" in args and (folder / "refuses").exists():
        fail("Requested operation is presently disabled")
    if "requeue" in args:
        (folder / "show").write_text("JobId=77 JobState=PENDING Reason=BeginTime Restarts=1")
        return ""
    return read("show") or fail("slurm_load_jobs error: Invalid job id specified")


def scancel() -> str:
    """Takes a job, or all, out of the queue."""
    kept = [line for line in read("queue").splitlines(keepends=True) if args[-1].isdigit()]
    kept = [line for line in kept if not line.startswith(f"{args[-1]}|")]
    (folder / "queue").write_text("".join(kept))
    return ""


def fail(text: str):
    """Ends as they do."""
    sys.exit(f"{program}: error: {text}")


with open(folder / "calls", "a") as calls:
    calls.write(json.dumps([program, *args]) + "\n")
busy = int(read(f"{program}.busy", "0"))
if busy:
    (folder / f"{program}.busy").write_text(str(busy - 1))
    fail("Unable to contact slurm controller: Socket timed out on send/recv operation")
answers = {
    "sbatch": sbatch,
    "squeue": lambda: read("queue"),
    "scontrol": scontrol,
    "scancel": scancel,
    "sacct": lambda: read("sacct") or fail("Slurm accounting storage is disabled"),
}
print(answers[program](), end="")
