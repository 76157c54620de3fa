#!/usr/bin/env python3
"""Runs a command, or one copy of it for each value of JOB, on this machine.

    run_local.py log/train.log python -m fad.bin.train --config lora ...
    run_local.py --max_jobs_run 2 JOB=1:8 log/score.JOB.log \\
        python -m fad.bin.score_set ... --nj 8 --job JOB

JOB stands for the job's number: as a word of its own in the log's name (`x.JOB.log`), not in its
folders, and as a whole argument. No shell is involved: arguments are passed as they are written. A
log has the command, host, times, output and exit code. A single command, or the first of several
jobs, also shows its standard error on the terminal: what it says beforehand of sizes and times, and
its progress bar, which stands for the others. If a job fails, the others finish, the end of the
failing logs is shown, and the exit code is 1. Ctrl-C, or the end of the program that called this
one, ends all jobs with their children.

Jobs that run at the same time share the CPUs: OMP_NUM_THREADS of each is the number of CPUs divided
by the number of jobs at a time, at least 1. A single job may use all CPUs. If OMP_NUM_THREADS is
already set, it does not change; --num_threads always sets it.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from jobs import (
    STOP_SIGNALS,
    command_for_job,
    log_foot,
    log_for_job,
    log_head,
    parse_jobs,
    show_failures,
)

POLL_SECONDS = 0.05
GRACE_SECONDS = 15.0  # between asking a job to end and killing it: training finishes a step, saves
PIPE_SECONDS = 5.0  # to read the rest of a command's pipe


@dataclass
class Job:
    """One command and its log; `process` is set when it starts and `code` when it has ended."""

    log: Path
    command: list[str]
    env: dict[str, str]
    show_stderr: bool
    process: subprocess.Popen[bytes] | None = None
    pump: threading.Thread | None = None
    started: float = 0.0
    code: int | None = None

    def start(self) -> None:
        """Starts the command in its own process group; a command that cannot start has failed."""
        self.started = time.time()
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.log.write_text(log_head(self.command, self.started), encoding="utf-8")
            # The command and the pump both append to the log, so neither overwrites the other.
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.PIPE if self.show_stderr else log,
                    env=self.env,
                    start_new_session=True,
                    # Jobs inherit the locks of a run, so these are held until the jobs end, even if
                    # the run is killed. Python's own files are not inherited.
                    close_fds=False,
                )
        except OSError as error:
            self._write(f"{error}\n")
            self._finish(127)
            return
        if self.process.stderr is not None:
            self.pump = threading.Thread(
                target=_copy, args=(self.process.stderr, self.log), daemon=True
            )
            self.pump.start()

    def poll(self) -> bool:
        """Whether the command has ended; closes the log when it has."""
        if self.code is None and self.process is not None and self.process.poll() is not None:
            if self.pump is not None:
                # A grandchild that still runs may keep the pipe open for ever.
                self.pump.join(timeout=PIPE_SECONDS)
            self._finish(self.process.returncode)
        return self.code is not None

    def kill(self, number: int) -> None:
        """Sends a signal to the command and all its children."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def _finish(self, code: int) -> None:
        self.code = code
        for line in log_foot(code, self.started, time.time()).splitlines(keepends=True):
            self._write(line)

    def _write(self, text: str) -> None:
        try:
            with open(self.log, "ab") as log:
                log.write(text.encode())
        except OSError as error:  # a full disk must not end the other jobs
            print(f"{self.log}: {error.strerror}: {text.strip()}", file=sys.stderr)


def _copy(stream: BinaryIO, log: Path) -> None:
    """Copies a stream to the log and to standard error, without delay."""
    with open(log, "ab", buffering=0) as file:
        while chunk := os.read(stream.fileno(), 65536):
            # Neither a full disk nor a closed terminal may stop the job.
            with contextlib.suppress(OSError):
                file.write(chunk)
            with contextlib.suppress(OSError):
                sys.stderr.buffer.write(chunk)
                sys.stderr.flush()


def get_parser() -> argparse.ArgumentParser:
    """The command line; options come first, and everything after the log is the command."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        usage="run_local.py [options] [JOB=1:N] LOG COMMAND [ARGUMENT ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    cpus = len(os.sched_getaffinity(0))
    parser.add_argument(
        "--max_jobs_run",
        type=int,
        default=cpus,
        help="jobs at a time (default: %(default)s, the CPUs)",
    )
    parser.add_argument(
        "--gpu",
        type=int,
        help="GPUs for each job, not shared with other jobs; 0 hides them (default: no change)",
    )
    parser.add_argument(
        "--num_threads", type=int, help="OMP_NUM_THREADS of each job (default: a share of the CPUs)"
    )
    parser.add_argument("--num_nodes", type=int, default=1, help="only 1: this is one machine")
    parser.add_argument("--mem", help="for clusters; no limit here")
    parser.add_argument("--time", help="for clusters; no limit here")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def visible_gpus() -> list[str]:
    """The names of the GPUs that jobs may use, in the form of CUDA_VISIBLE_DEVICES."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        # CUDA stops at the first name that is none, such as -1.
        names = (name.strip() for name in chosen.split(","))
        return list(takewhile(lambda name: name and not name.startswith("-"), names))
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    except OSError:
        return []
    lines = listed.stdout.splitlines() if listed.returncode == 0 else []
    return [str(k) for k in range(sum(line.startswith("GPU ") for line in lines))]


def make_slots(
    gpu: int | None, jobs: int, max_jobs_run: int, num_threads: int | None
) -> list[dict[str, str]]:
    """The slots for jobs, each with its additions to a job's environment.

    With GPUs, each slot has `gpu` devices of its own. The CPU threads are divided among the slots,
    since otherwise every job would start one for each CPU; `num_threads` sets their number.

    Raises:
        ValueError: If there are fewer GPUs than one job wants.
    """
    slots: list[dict[str, str]] = [{} for _ in range(min(jobs, max_jobs_run))]
    if gpu == 0:
        slots = [{"CUDA_VISIBLE_DEVICES": ""} for _ in slots]
    elif gpu is not None:
        names = visible_gpus()
        if len(names) < gpu:
            raise ValueError(
                f"a job wants {gpu} GPU(s), and this machine shows {len(names)}: give --ngpu 0 to "
                "run.sh, or list them in CUDA_VISIBLE_DEVICES where there is no nvidia-smi"
            )
        groups = [names[k : k + gpu] for k in range(0, len(names) - gpu + 1, gpu)]
        slots = [{"CUDA_VISIBLE_DEVICES": ",".join(group)} for group in groups[: len(slots)]]
    if num_threads is None and len(slots) > 1 and not os.environ.get("OMP_NUM_THREADS"):
        num_threads = max(1, len(os.sched_getaffinity(0)) // len(slots))
    if num_threads is not None:
        slots = [{**slot, "OMP_NUM_THREADS": str(num_threads)} for slot in slots]
    return slots


class Runner:
    """Runs jobs, one in each slot at a time, until all have ended.

    A signal or the end of the caller ends them earlier.
    """

    def __init__(self, slots: Sequence[dict[str, str]]) -> None:
        self.free = list(slots)
        self.running: list[tuple[Job, dict[str, str]]] = []
        self.stopped_by = 0
        self.caller = os.getppid()
        for number in STOP_SIGNALS:
            signal.signal(number, self._stop)

    def _stop(self, number: int, _frame: object) -> None:
        self.stopped_by = number

    def run(self, commands: Sequence[tuple[Path, list[str]]]) -> list[Job]:
        """Returns the jobs that failed. After a signal, `stopped_by` is set and all jobs ended."""
        waiting = list(reversed(commands))
        failed: list[Job] = []
        while (waiting or self.running) and not self.stopped_by:
            while waiting and self.free:
                slot = self.free.pop(0)
                is_first = len(waiting) == len(commands)
                job = Job(*waiting.pop(), {**os.environ, **slot}, show_stderr=is_first)
                job.start()
                self.running.append((job, slot))
            ended = [(job, slot) for job, slot in self.running if job.poll()]
            self.running = [pair for pair in self.running if pair not in ended]
            self.free += [slot for _, slot in ended]
            failed += [job for job, _ in ended if job.code != 0]
            if not ended:
                time.sleep(POLL_SECONDS)
            if os.getppid() != self.caller:  # the caller has ended without a signal to this process
                self.stopped_by = signal.SIGHUP
        self._kill_all()
        return failed

    def _kill_all(self) -> None:
        deadline = time.time() + GRACE_SECONDS
        jobs = [job for job, _ in self.running]
        for job in jobs:
            job.kill(signal.SIGTERM)
        while not all(job.poll() for job in jobs) and time.time() < deadline:
            time.sleep(POLL_SECONDS)
        for job in jobs:
            job.kill(signal.SIGKILL)  # also children that outlived the job
        while not all(job.poll() for job in jobs):
            time.sleep(POLL_SECONDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the jobs; returns 0 if all succeed, 1 if one fails, 128 + signal if one stops them."""
    parser = get_parser()
    args = parser.parse_args(argv)
    try:
        if args.num_nodes != 1:
            raise ValueError(f"--num_nodes {args.num_nodes}: this is one machine")
        if args.max_jobs_run < 1 or (args.gpu or 0) < 0:
            raise ValueError("--max_jobs_run starts at 1, --gpu at 0")
        if args.num_threads is not None and args.num_threads < 1:
            raise ValueError("--num_threads starts at 1")
        numbers, log, command = parse_jobs(args.rest)
        slots = make_slots(args.gpu, max(1, len(numbers)), args.max_jobs_run, args.num_threads)
    except ValueError as error:
        print(f"run_local.py: error: {error}", file=sys.stderr)
        return 2
    commands = [(Path(log), command)]
    if numbers:
        commands = [(Path(log_for_job(log, n)), command_for_job(command, n)) for n in numbers]
    runner = Runner(slots)
    failed = runner.run(commands)
    if runner.stopped_by:
        name = signal.Signals(runner.stopped_by).name
        print(f"run_local.py: stopped by {name}; all jobs were ended", file=sys.stderr)
        return 128 + runner.stopped_by
    if failed:
        show_failures("run_local.py", [job.log for job in failed], len(commands))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
