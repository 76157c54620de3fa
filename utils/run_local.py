#!/usr/bin/env python3
"""Runs a command, or one copy of it for each value of JOB, on this machine.

    run_local.py log/train.log python -m fad.bin.train --config lora ...
    run_local.py --max_jobs_run 2 JOB=1:8 log/score.JOB.log \\
        python -m fad.bin.score_set ... --nj 8 --job JOB

JOB stands for the job's number, in the log's name and in the arguments, as a word of its own
(`x.JOB.log`, `part_JOB`). No shell is involved: arguments arrive as they are written. A log has
the command, host, times, output and exit code. A command that runs alone shows its standard error
on the terminal too, so that its progress bar is seen. Where a job fails the others are finished,
the end of the failing logs is shown, and the exit code is 1. Ctrl-C, or the end of the program that
called this one, ends all jobs with their children.

Jobs that run side by side share the CPUs: each gets OMP_NUM_THREADS, as many threads as there are
CPUs over jobs at a time, and at least one. A job that runs alone may use all CPUs. Where
OMP_NUM_THREADS is set already, it stays as it is.
"""

import argparse
import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

POLL_SECONDS = 0.05
GRACE_SECONDS = 5.0  # between asking a job to end and killing it
TAIL_LINES = 20
TAILS_SHOWN = 3
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Job:
    """One command and its log; `process` and `code` are set while it runs and after."""

    log: Path
    command: list[str]
    env: dict[str, str]
    show_stderr: bool
    process: subprocess.Popen | None = None
    pump: threading.Thread | None = None
    started: float = 0.0
    code: int | None = None

    def start(self) -> None:
        """Starts the command in a process group of its own; one that cannot start has failed."""
        self.started = time.time()
        head = f"command: {shlex.join(self.command)}\nhost: {socket.gethostname()}\n"
        head += f"started: {_clock(self.started)}"
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.log.write_text("# " + head.replace("\n", "\n# ") + "\n", encoding="utf-8")
            # Appending keeps the two writers of one log, the command and the pump, apart.
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.PIPE if self.show_stderr else log,
                    env=self.env,
                    start_new_session=True,
                    # The locks of a run are held as long as its jobs live, even where it was
                    # killed. Python's own files are not inherited.
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
        """Whether the command has ended; the first time, closes the log."""
        if self.code is None and self.process is not None and self.process.poll() is not None:
            if self.pump is not None:
                # A grandchild that was left behind may hold the pipe open for ever.
                self.pump.join(timeout=GRACE_SECONDS)
            self._finish(self.process.returncode)
        return self.code is not None

    def kill(self, number: int) -> None:
        """Sends a signal to the command and all its children."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def _finish(self, code: int) -> None:
        self.code = code
        now = time.time()
        reason = f" (signal {signal.Signals(-code).name})" if code < 0 else ""
        self._write(f"# ended: {_clock(now)}, after {now - self.started:.0f} s\n")
        self._write(f"# exit code: {code}{reason}\n")

    def _write(self, text: str) -> None:
        try:
            with open(self.log, "ab") as log:
                log.write(text.encode())
        except OSError as error:  # a full disk must not end the other jobs
            print(f"{self.log}: {error.strerror}: {text.strip()}", file=sys.stderr)


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))


def _copy(stream: BinaryIO, log: Path) -> None:
    """Copies what comes, as it comes, to the log and to standard error."""
    with open(log, "ab", buffering=0) as file:
        while chunk := os.read(stream.fileno(), 65536):
            # Neither a full disk nor a terminal that went away may stop the job.
            with contextlib.suppress(OSError):
                file.write(chunk)
            with contextlib.suppress(OSError):
                sys.stderr.buffer.write(chunk)
                sys.stderr.flush()


def get_parser() -> argparse.ArgumentParser:
    """The command line; options come first, and the command takes all that follows the log."""
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
        help="GPUs for each job, which no other job then gets; 0 hides them (default: not touched)",
    )
    parser.add_argument("--num_nodes", type=int, default=1, help="only 1: this is one machine")
    parser.add_argument("--mem", help="for clusters; no limit here")
    parser.add_argument("--time", help="for clusters; no limit here")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def parse_jobs(rest: Sequence[str]) -> tuple[list[int], str, list[str]]:
    """Splits `[JOB=1:N] LOG COMMAND...` into numbers (none without JOB=), log and command.

    Raises:
        ValueError: If a part is missing, or several jobs would write one log.
    """
    numbers: list[int] = []
    rest = list(rest)
    if rest and rest[0].startswith("JOB="):
        match = re.fullmatch(r"JOB=(\d+):(\d+)", rest.pop(0))
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError("JOB= takes a range from 1 up, such as JOB=1:8")
        numbers = list(range(int(match[1]), int(match[2]) + 1))
    if len(rest) < 2:
        raise ValueError("a log file and a command are needed")
    if len(numbers) > 1 and for_job(rest[0], 1) == rest[0]:
        raise ValueError(f"log '{rest[0]}' would be shared by all jobs; put JOB in its name")
    return numbers, rest[0], rest[1:]


def for_job(text: str, number: int) -> str:
    """Puts the number in place of each JOB that is a word of its own."""
    return re.sub(r"(?<![A-Za-z0-9])JOB(?![A-Za-z0-9])", str(number), text)


def visible_gpus() -> list[str]:
    """The names of the GPUs that jobs may use, as CUDA_VISIBLE_DEVICES has them."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.split(",") if name]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    except OSError:
        return []
    lines = listed.stdout.splitlines() if listed.returncode == 0 else []
    return [str(k) for k in range(sum(line.startswith("GPU ") for line in lines))]


def make_slots(gpu: int | None, jobs: int, max_jobs_run: int) -> list[dict[str, str]]:
    """The places that jobs run in, each with what it adds to the environment of its job.

    With GPUs, a place is a set of `gpu` devices. CPU threads are shared out among the places, since
    every job would otherwise start as many as there are CPUs.

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
                f"a job wants {gpu} GPU(s), and this machine shows {len(names)}: "
                "give --ngpu 0 to run.sh"
            )
        groups = [names[k : k + gpu] for k in range(0, len(names) - gpu + 1, gpu)]
        slots = [{"CUDA_VISIBLE_DEVICES": ",".join(group)} for group in groups[: len(slots)]]
    if len(slots) > 1 and not os.environ.get("OMP_NUM_THREADS"):
        threads = max(1, len(os.sched_getaffinity(0)) // len(slots))
        slots = [{**slot, "OMP_NUM_THREADS": str(threads)} for slot in slots]
    return slots


class Runner:
    """Runs jobs, one in each slot at a time, until all have ended.

    A signal, or the end of the caller, ends them before.
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

    def run(self, commands: Sequence[tuple[Path, list[str]]], show_stderr: bool) -> list[Job]:
        """Returns those that failed. After a signal, `stopped_by` is set and all jobs are dead."""
        waiting = list(reversed(commands))
        failed: list[Job] = []
        while (waiting or self.running) and not self.stopped_by:
            while waiting and self.free:
                slot = self.free.pop(0)
                job = Job(*waiting.pop(), {**os.environ, **slot}, show_stderr)
                job.start()
                self.running.append((job, slot))
            ended = [(job, slot) for job, slot in self.running if job.poll()]
            self.running = [pair for pair in self.running if pair not in ended]
            self.free += [slot for _, slot in ended]
            failed += [job for job, _ in ended if job.code != 0]
            if not ended:
                time.sleep(POLL_SECONDS)
            if os.getppid() != self.caller:  # it was killed, or ended by a signal to it alone
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
            job.kill(signal.SIGKILL)  # its children too, where they outlived it
        while not all(job.poll() for job in jobs):
            time.sleep(POLL_SECONDS)


def show_failures(failed: Sequence[Job], total: int) -> None:
    """Prints the end of the first few failing logs, and where all of them are."""
    print(f"run_local.py: error: {len(failed)} of {total} jobs failed", file=sys.stderr)
    for job in failed[:TAILS_SHOWN]:
        print(f"==> {job.log} <==", file=sys.stderr)
        lines = _read(job.log).split("\n")
        # Of a progress bar, only its last state.
        print("\n".join(line.rsplit("\r", 1)[-1] for line in lines[-TAIL_LINES:]), file=sys.stderr)
    for job in failed[TAILS_SHOWN:]:
        print(f"also failed: {job.log}", file=sys.stderr)


def _read(log: Path) -> str:
    try:
        return log.read_bytes().decode(errors="replace")
    except OSError as error:
        return f"(no log: {error.strerror})"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the jobs; 0 where all succeed, 1 where one fails, 128 + signal where one stops them."""
    parser = get_parser()
    args = parser.parse_args(argv)
    try:
        if args.num_nodes != 1:
            raise ValueError(f"--num_nodes {args.num_nodes}: this is one machine")
        if args.max_jobs_run < 1 or (args.gpu or 0) < 0:
            raise ValueError("--max_jobs_run starts at 1, --gpu at 0")
        numbers, log, command = parse_jobs(args.rest)
        slots = make_slots(args.gpu, max(1, len(numbers)), args.max_jobs_run)
    except ValueError as error:
        print(f"run_local.py: error: {error}", file=sys.stderr)
        return 2
    commands = [(Path(log), command)]
    if numbers:
        commands = [(Path(for_job(log, n)), [for_job(a, n) for a in command]) for n in numbers]
    runner = Runner(slots)
    failed = runner.run(commands, show_stderr=not numbers)
    if runner.stopped_by:
        name = signal.Signals(runner.stopped_by).name
        print(f"run_local.py: stopped by {name}; all jobs were ended", file=sys.stderr)
        return 128 + runner.stopped_by
    if failed:
        show_failures(failed, len(commands))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
