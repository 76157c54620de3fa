"""Submits a request with sbatch."""

import os
import re
import shlex
import sys
import time
from pathlib import Path

from jobs import log_for_job

from slurm.queue import Busy, ask, find_rows, max_array_index
from slurm.request import Request

JOB_PROGRAM = Path(__file__).resolve().with_name("job.py")
# `12`, `12;cluster` and, where a site's sbatch drops --parsable, `Submitted batch job 12`.
JOB_LINE = re.compile(r"(\d+)(?:;\S+)?|.*\bjob (\d+)", re.ASCII)
SUBMIT_SECONDS = 900.0  # the time that a controller may be busy
# Slurm's variables of a job that run_slurm.py itself runs in, and devices of this machine.
OTHERS_ENV = re.compile(
    r"SLURM_(?!CONF$|CLUSTERS$)\w+|SLURMD_NODENAME|(CUDA|ROCR|HIP|ZE)_VISIBLE_DEVICES|"
    r"GPU_DEVICE_ORDINAL|ZE_AFFINITY_MASK"
)


def write_files(request: Request) -> Path:
    """Makes the folder, empty logs and the script for sbatch; returns the script.

    Raises:
        ValueError: If a file cannot be written.
    """
    try:
        for log in request.logs.values():
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(b"")
        request.folder.mkdir(mode=0o700)
        spec = request.spec.write(request.folder)
        script = request.folder / "batch.sh"
        words = shlex.join([sys.executable, str(JOB_PROGRAM), str(spec)])
        script.write_text(f"#!/bin/sh\nexec {words}\n", encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{error.filename}: {error.strerror}") from None
    return script


def sbatch_command(request: Request, script: Path) -> list[str]:
    """The whole command; the site's words may override --requeue, but not the later options."""
    output = str(Path(request.log).absolute()).replace("%", "%%")
    own = ["--parsable", "--export=ALL", "--open-mode=append", f"--chdir={request.spec.cwd}"]
    own.append(f"--job-name={request.name}")
    if request.is_array:
        output = log_for_job(output, "%a")
        most = f"%{request.max_jobs_run}" if request.max_jobs_run else ""
        own.append(f"--array={request.numbers[0]}-{request.numbers[-1]}{most}")
    program, *options = request.sbatch
    return [program, "--requeue", *options, *own, f"--output={output}", str(script)]


def check_array(request: Request) -> None:
    """Raises ValueError for an array that the cluster cannot hold."""
    if not request.is_array:
        return
    most = max_array_index()
    if most is not None and request.numbers[-1] > most:
        raise ValueError(
            f"JOB={request.numbers[0]}:{request.numbers[-1]}: tasks of an array end at {most} on "
            f"this cluster (MaxArraySize {most + 1}): take fewer jobs, --nj {most}"
        )


def submit(request: Request, script: Path, stop: object) -> str:
    """Submits the job; returns its number, or an empty text if `stop` became true before.

    Raises:
        ValueError: If sbatch refuses it.
        Busy: If the controller does not answer for too long.
    """
    check_array(request)
    env = {name: value for name, value in os.environ.items() if not OTHERS_ENV.fullmatch(name)}
    command = sbatch_command(request, script)
    end = time.time() + SUBMIT_SECONDS
    pause = 1.0
    while not stop:
        try:
            printed = ask(*command, env=env)
            return job_number(printed) or number_by_name(request, printed, stop, end)
        except Busy as error:
            if not error.is_in_doubt:
                raise ValueError(str(error)) from None
            if time.time() > end:
                raise
            print(f"run_slurm.py: {error}; trying again", file=sys.stderr, flush=True)
        time.sleep(pause)
        pause = min(2 * pause, 30.0)
        if job := find_submitted(request, stop, end):
            return job
    return ""


def job_number(printed: str) -> str:
    """The job's number in what sbatch printed, which a site may begin with a greeting, or ""."""
    found = ""
    for line in printed.splitlines():
        if match := JOB_LINE.fullmatch(line.strip()):
            found = match[1] or match[2]
    return found


def number_by_name(request: Request, printed: str, stop: object, end: float) -> str:
    """The number of a job that sbatch took without a readable number.

    Raises:
        ValueError: If the queue has no such job.
    """
    shown = " / ".join(printed.split("\n"))[:200]
    print(f"run_slurm.py: no job number in what sbatch printed: {shown!r}", file=sys.stderr)
    if job := find_submitted(request, stop, end):
        return job
    if stop:
        return ""
    raise ValueError(
        f"sbatch printed no job number, and no job named {request.name} is in the queue; "
        f"it printed {shown!r}: make it print the number alone, as `sbatch --parsable` does"
    )


def find_submitted(request: Request, stop: object, end: float) -> str:
    """The job of a submission that may have succeeded, looked up in the queue; empty if none."""
    while not stop and time.time() < end:
        try:
            rows = find_rows(request.name)
            return rows[0].job if rows else ""
        except Busy:
            time.sleep(2.0)
    return ""
