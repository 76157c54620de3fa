#!/usr/bin/env python3
"""Runs a command, or one copy of it for each value of JOB, as Slurm jobs, and waits for them.

    run_slurm.py --gpu 1 --time 1-0 exp/x/train.log python -m fad.bin.train --config lora ...
    run_slurm.py --max_jobs_run 20 JOB=1:50 log/score.JOB.log \\
        python -m fad.bin.score_set ... --nj 50 --job JOB

The command line is that of run_local.py. The options are --max_jobs_run and those of
conf/slurm.conf, which translates them for sbatch (--config FILE or FAD_SLURM_CONF names another
file). --threads_per_gpu N and --mem_per_gpu SIZE, times --gpu, give a node's --num_threads and
--mem to a job with GPUs. JOB=1:N is one array. No shell is involved: arguments are passed as they
are written. Jobs get this environment and working directory. The log, the command and its files
must be visible to the nodes.

A log has the format of run_local.py. It continues when a job is restarted: after preemption, the
failure of a node, or at its time limit. If a job fails, the others finish, the end of the failing
logs is shown, and the exit code is 1. The log of a single job is shown as it grows. Ctrl-C, the end
of this program, or the end of the program that called it cancels the jobs.
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

LOOK_SECONDS = 0.1, 1.0  # between looks at the files of ended tasks: at first, and later
QUEUE_SECONDS = 0.3, 15.0  # between questions to the controller
CANCEL_SECONDS = 180.0  # the time for cancelled jobs to end
SUBMITTING_SECONDS = 3.0  # for an sbatch that was running when run_slurm.py was killed
USUAL_REASONS = {"None", "Resources", "Priority", "BeginTime", "JobArrayTaskLimit"}


def warn(text: str) -> None:
    """Writes a line to standard error."""
    write(f"run_slurm.py: {text}\n")


def write(text: str) -> None:
    """Writes to standard error; ignores a lost reader, since jobs must still be cancelled."""
    with contextlib.suppress(OSError):
        print(text, end="", file=sys.stderr, flush=True)


class Follower:
    """Shows the new part of a log."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.shown = 0

    def show(self) -> None:
        """Copies the new part to standard error."""
        with contextlib.suppress(OSError), open(self.log, "rb") as log:
            log.seek(self.shown)
            while chunk := log.read(65536):
                self.shown += len(chunk)
                sys.stderr.buffer.write(chunk)
            sys.stderr.flush()


class Counter:
    """Shows a line with counts on a terminal; elsewhere only unusual reasons to wait."""

    def __init__(self, request: Request) -> None:
        self.total = len(request.logs)
        self.is_shown = sys.stderr.isatty() and request.is_array
        self.told: set[str] = set()

    def show(self, rows: dict[int, Row], done: int) -> None:
        """Shows how many wait, run and are done; warns once of each unusual reason to wait."""
        waiting = [row for row in rows.values() if row.state == "PENDING"]
        for reason in sorted({row.reason for row in waiting} - USUAL_REASONS - self.told):
            self.told.add(reason)
            warn(f"jobs wait: {reason} (squeue --job {waiting[0].job})")
        if self.is_shown:
            running = len(rows) - len(waiting)
            text = f"{len(waiting)} waiting, {running} running, {done} of {self.total} done"
            write(f"\r{text}\033[K")

    def close(self) -> None:
        """Ends the line."""
        if self.is_shown:
            write("\n")


class Watch:
    """Waits for the ends of a submission's tasks."""

    def __init__(self, request: Request, job: str) -> None:
        self.request = request
        self.job = job
        self.codes: dict[int, int] = {}
        self.fates: dict[int, str] = {}  # of tasks that wrote no end
        self.rows: dict[int, Row] = {}
        self.gone: dict[int, float] = {}  # the time when a task left the queue
        self.is_busy = False

    @property
    def open(self) -> list[int]:
        """The tasks without a known end."""
        return [n for n in self.request.logs if n not in self.codes and n not in self.fates]

    def look(self) -> None:
        """Reads the ends that tasks have written."""
        with contextlib.suppress(OSError):  # a file system may be unavailable for a while
            for number in ended(self.request.folder) & set(self.open):
                code = read_end(self.request.folder, number)
                if code is not None:
                    self.codes[number] = code

    def ask(self) -> None:
        """Asks for the queue, and for the fate of tasks that left it some time ago."""
        try:
            rows = find_rows(self.request.name)
            self._take(rows)
            for number in self.open:
                if time.time() - self.gone.get(number, time.time()) > self.request.grace:
                    self._take_fate(number)
            self.is_busy = False
        except Busy as error:
            if not self.is_busy:
                warn(f"{error}; asking again")
            self.is_busy = True

    def _take(self, rows: Sequence[Row]) -> None:
        # A submission that seemed to fail and was repeated may have succeeded after all.
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
        if not fate:  # it still runs after all
            self.gone.pop(number)
            return
        if fate.startswith("COMPLETED"):
            fate += f"; its end did not appear in {self.request.folder}: do the nodes share it?"
        self.fates[number] = fate


class Stop:
    """True once a signal has come or the caller has ended."""

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
    """Waits until all tasks have ended, or for a stop."""
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
    """Cancels all jobs of the name and waits for their end; returns whether they ended."""
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
    """Starts a guard process that cancels the jobs if this one is killed.

    The guard holds the locks of the run, as this process does, until the jobs are gone.

    Returns:
        A pipe; writing to it ends the guard.
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
    """Writes into the logs how tasks ended that could not write it themselves."""
    for number, fate in watch.fates.items():
        with contextlib.suppress(OSError), open(watch.request.logs[number], "a") as log:
            log.write(f"# ended by Slurm: {fate}\n")


def report(watch: Watch) -> int:
    """Shows the jobs that failed; returns the exit code."""
    note_fates(watch)
    failed = [n for n in watch.request.logs if watch.codes.get(n, 1) != 0]
    if failed:
        logs = [watch.request.logs[n] for n in failed]
        show_failures("run_slurm.py", logs, len(watch.request.logs))
    return 1 if failed else 0


def run(request: Request, script: Path, stop: Stop) -> int:
    """Submits and waits; leaves neither jobs nor files behind. Returns the exit code."""
    pipe = guard(request)
    is_clear = False
    try:
        try:
            job = submit(request, script, stop)
        except (ValueError, Busy) as error:
            is_clear = isinstance(error, ValueError)  # refused; after Busy it is unknown
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
            # Tasks that had ended when Slurm put them back into the queue.
            cancel(request.name, "--state=PENDING")
        is_clear = True
        return report(watch)
    finally:
        # After any error, no job may run that nobody waits for.
        is_clear = is_clear or cancel_all(request.name)
        with contextlib.suppress(BrokenPipeError):
            os.write(pipe, b".")
        os.wait()
        if is_clear:
            shutil.rmtree(request.folder, ignore_errors=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the jobs; returns 0 if all succeed, 1 if one fails, 128 + signal if one stops them."""
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
