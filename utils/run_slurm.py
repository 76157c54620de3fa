#!/usr/bin/env python3
"""Runs a command, or one copy of it for each value of JOB, as jobs of Slurm, and waits for them.

    run_slurm.py --gpu 1 --time 1-0 exp/x/train.log python -m fad.bin.train --config lora ...
    run_slurm.py --max_jobs_run 20 JOB=1:50 log/score.JOB.log \\
        python -m fad.bin.score_set ... --nj 50 --job JOB

The command line is that of run_local.py. Options are those of conf/slurm.conf (--config FILE or
FAD_SLURM_CONF: another), which says what they are for sbatch, and --max_jobs_run. JOB=1:N is one
array. No shell is involved: arguments arrive as they are written. Jobs get this environment and
working directory; the log, the command and its files have to be where the nodes see them.

A log is as run_local.py writes it. It goes on where a job is started over: after preemption, the
failure of a node, or at its time limit. Where a job fails the others are finished, the end of the
failing logs is shown, and the exit code is 1. The log of a job that runs alone is shown as it
grows. Ctrl-C, or the end of the program that called this one, or of this one, cancels the jobs.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from jobs import STOP_SIGNALS, show_failures
from slurm.queue import LIVE, Busy, Row, cancel, find_fate, find_rows
from slurm.request import Request, read_request
from slurm.submit import submit, write_files
from slurm.task import ended, read_end

LOOK_SECONDS = 0.1, 1.0  # between looks at the files of what has ended: at first, and in the end
QUEUE_SECONDS = 0.3, 15.0  # between questions to the controller
CANCEL_SECONDS = 180.0  # what cancelled jobs may take to end
SUBMITTING_SECONDS = 3.0  # for an sbatch that was at work when run_slurm.py was killed
USUAL_REASONS = {"None", "Resources", "Priority", "BeginTime", "JobArrayTaskLimit"}


def warn(text: str) -> None:
    """A line on standard error."""
    write(f"run_slurm.py: {text}\n")


def write(text: str) -> None:
    """On standard error; that nobody reads it any more must not keep jobs from being cancelled."""
    with contextlib.suppress(OSError):
        print(text, end="", file=sys.stderr, flush=True)


class Follower:
    """Shows what a log has grown by."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.shown = 0

    def show(self) -> None:
        """Copies what is new to standard error."""
        with contextlib.suppress(OSError), open(self.log, "rb") as log:
            log.seek(self.shown)
            while chunk := log.read(65536):
                self.shown += len(chunk)
                sys.stderr.buffer.write(chunk)
            sys.stderr.flush()


class Counter:
    """A line with counts on a terminal; elsewhere only what is unusual."""

    def __init__(self, request: Request) -> None:
        self.total = len(request.logs)
        self.is_shown = sys.stderr.isatty() and request.is_array
        self.told: set[str] = set()

    def show(self, rows: dict[int, Row], done: int) -> None:
        """Says how many wait, run and are done, and once why jobs wait, if that is unusual."""
        waiting = [row for row in rows.values() if row.state == "PENDING"]
        for reason in sorted({row.reason for row in waiting} - USUAL_REASONS - self.told):
            self.told.add(reason)
            warn(f"jobs wait: {reason} (squeue --job {waiting[0].job})")
        if self.is_shown:
            running = len(rows) - len(waiting)
            text = f"{len(waiting)} waiting, {running} running, {done} of {self.total} done"
            write(f"\r{text}\033[K")

    def close(self) -> None:
        """Leaves the line."""
        if self.is_shown:
            write("\n")


class Watch:
    """Waits for the ends of a submission's tasks."""

    def __init__(self, request: Request, job: str) -> None:
        self.request = request
        self.job = job
        self.codes: dict[int, int] = {}
        self.fates: dict[int, str] = {}  # of those that left no end
        self.rows: dict[int, Row] = {}
        self.gone: dict[int, float] = {}  # since when they are out of the queue
        self.is_busy = False

    @property
    def open(self) -> list[int]:
        """The tasks whose end is not known."""
        return [n for n in self.request.logs if n not in self.codes and n not in self.fates]

    def look(self) -> None:
        """Takes the ends that are there."""
        with contextlib.suppress(OSError):  # a file system may be away for a while
            for number in ended(self.request.folder) & set(self.open):
                code = read_end(self.request.folder, number)
                if code is not None:
                    self.codes[number] = code

    def ask(self) -> None:
        """Asks for the queue, and how those ended that have been out of it for long."""
        try:
            rows = find_rows(self.request.name)
            self._take(rows)
            for number in self.open:
                if time.time() - self.gone.get(number, time.time()) > self.request.grace:
                    self._take_fate(number)
            self.is_busy = False
        except Busy as error:
            if not self.is_busy:
                warn(f"{error}; going on to ask")
            self.is_busy = True

    def _take(self, rows: Sequence[Row]) -> None:
        # A submission that seemed to fail and was done again may have been taken after all.
        for job in {row.job for row in rows if row.job != self.job}:
            cancel(self.request.name, job)
        self.rows = {row.number: row for row in rows if row.job == self.job and row.state in LIVE}
        for number in self.open:
            if number in self.rows:
                self.gone.pop(number, None)
            else:
                self.gone.setdefault(number, time.time())

    def _take_fate(self, number: int) -> None:
        fate = find_fate(f"{self.job}_{number}" if self.request.is_array else self.job)
        self.look()
        if number in self.codes:
            return
        if not fate:  # it lives after all
            self.gone.pop(number)
            return
        if fate.startswith("COMPLETED"):
            fate += f"; its end did not appear in {self.request.folder}: do the nodes share it?"
        self.fates[number] = fate


class Stop:
    """Whether to stop: a signal came, or the caller has gone."""

    def __init__(self) -> None:
        self.number = 0
        self.caller = os.getppid()
        for number in STOP_SIGNALS:
            signal.signal(number, self._take)

    def _take(self, number: int, _frame: object) -> None:
        self.number = number

    def __bool__(self) -> bool:
        if not self.number and os.getppid() != self.caller:
            self.number = signal.SIGHUP
        return bool(self.number)


def wait(watch: Watch, stop: Stop) -> None:
    """Returns when all tasks have ended, or at a stop."""
    request = watch.request
    counter = Counter(request)
    follower = None if request.is_array else Follower(request.logs[0])
    pause, interval = LOOK_SECONDS[0], QUEUE_SECONDS[0]
    next_question = 0.0
    while not stop:
        watch.look()
        if not watch.open:
            break
        if time.time() >= next_question:
            watch.ask()
            interval = min(interval * 1.4, QUEUE_SECONDS[1], max(1.0, request.grace))
            next_question = time.time() + interval
            counter.show(watch.rows, len(request.logs) - len(watch.open))
        if follower is not None:
            follower.show()
        time.sleep(pause)
        pause = min(pause * 1.2, LOOK_SECONDS[1])
    if follower is not None:
        follower.show()
    counter.show({}, len(request.logs) - len(watch.open))
    counter.close()


def cancel_all(name: str) -> bool:
    """Cancels all jobs of the name and waits for their end; whether that came."""
    end = time.time() + CANCEL_SECONDS
    pause = 0.2
    while time.time() < end:
        with contextlib.suppress(Busy):
            cancel(name)
            if not find_rows(name):
                return True
        time.sleep(pause)
        pause = min(1.5 * pause, 5.0)
    return False


def guard(request: Request) -> int:
    """Starts a process that cancels the jobs where this one is killed; the pipe to end it by.

    It holds the locks of the run, as this process does, until the jobs are gone.
    """
    listen, speak = os.pipe()
    if os.fork():
        os.close(listen)
        return speak
    os.setsid()
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    os.close(speak)
    if not os.read(listen, 1):
        cancel_all(request.name)
        time.sleep(SUBMITTING_SECONDS)
        if cancel_all(request.name):
            shutil.rmtree(request.folder, ignore_errors=True)
    os._exit(0)


def note_fates(watch: Watch) -> None:
    """Into the logs, how those ended that could not write it themselves."""
    for number, fate in watch.fates.items():
        with contextlib.suppress(OSError), open(watch.request.logs[number], "a") as log:
            log.write(f"# ended by Slurm: {fate}\n")


def report(watch: Watch) -> int:
    """Shows what failed; the exit code."""
    note_fates(watch)
    failed = [n for n in watch.request.logs if watch.codes.get(n, 1) != 0]
    if failed:
        logs = [watch.request.logs[n] for n in failed]
        show_failures("run_slurm.py", logs, len(watch.request.logs))
    return 1 if failed else 0


def run(request: Request, script: Path, stop: Stop) -> int:
    """Submits, waits, and leaves neither jobs nor files behind."""
    pipe = guard(request)
    is_clear = False
    try:
        try:
            job = submit(request, script, stop)
        except (ValueError, Busy) as error:
            is_clear = isinstance(error, ValueError)  # refused; after Busy nobody knows
            warn(f"error: {error}")
            return 1
        watch = Watch(request, job)
        if job:
            count = f" ({len(request.logs)} tasks)" if request.is_array else ""
            warn(f"job {job}{count}, log {request.log}")
            wait(watch, stop)
        if stop:
            warn(f"stopped by {signal.Signals(stop.number).name}; cancelling")
            is_clear = cancel_all(request.name)
            warn("all jobs were ended" if is_clear else f"jobs are left: scancel -n {request.name}")
            return 128 + stop.number
        with contextlib.suppress(Busy):
            # What had ended when it was put back into the queue.
            cancel(request.name, "--state=PENDING")
        is_clear = True
        return report(watch)
    finally:
        # Whatever went wrong, no job goes on that nobody waits for.
        is_clear = is_clear or cancel_all(request.name)
        with contextlib.suppress(BrokenPipeError):
            os.write(pipe, b".")
        os.wait()
        if is_clear:
            shutil.rmtree(request.folder, ignore_errors=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the jobs; 0 where all succeed, 1 where one fails, 128 + signal where one stops them."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    stop = Stop()
    try:
        request = read_request(argv)
        script = write_files(request)
    except ValueError as error:
        warn(f"error: {error}")
        return 2
    return run(request, script, stop)


if __name__ == "__main__":
    sys.exit(main())
