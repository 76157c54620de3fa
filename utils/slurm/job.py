#!/usr/bin/env python3
"""Runs one task of a job on its node; run_slurm.py submits it.

    slurm/job.py FOLDER/job.json

Standard output is the task's log. An end is written into FOLDER only if the task is really over:

- Exit code 0 is always an end. Any other code is an end unless Slurm stopped the job.
- SIGUSR1 comes before the time limit (sbatch --signal). It is passed to the command, and only to
  it, as SIGTERM; the command itself cares for children such as data workers. If it ends with 143,
  it has saved, and the job goes back into the queue. A command that dies of SIGTERM has not saved:
  that is an end.
- If Slurm cancels the job or puts it back (preemption, a failed node), Slurm itself sends SIGTERM
  to all processes of the job and decides what follows: no end is written.
- SIGTERM to this process only is treated as SIGUSR1.
"""

import sys
from pathlib import Path

# As a program it must import from utils/: the queue.py beside it would hide Python's own.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence

from jobs import log_foot, log_head

from slurm.queue import RUNNING, Busy, State, ask, find_state
from slurm.task import STOPPED, Task, read_end

POLL_SECONDS = 0.1
SIGNAL_SECONDS = 1.0  # a signal of Slurm may come here that much later than to the command
# Pauses before attempts to reach the controller: to ask, and (with more time) to put a job back.
ASK_SECONDS = 0.0, 0.5, 1.0, 2.0
REQUEUE_SECONDS = 0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0


class Notice:
    """The first stop signal that has come, if any."""

    def __init__(self) -> None:
        self.number = 0
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._take)

    def _take(self, number: int, _frame: object) -> None:
        self.number = self.number or number

    def wait(self, seconds: float) -> None:
        """Waits for a signal, at most so many seconds."""
        end = time.time() + seconds
        while not self.number and time.time() < end:
            time.sleep(POLL_SECONDS)


def say(text: str) -> None:
    """Writes into the log; ignores a full disk, which must not change how a task ends."""
    with contextlib.suppress(OSError):
        os.write(1, text.encode())


def free_port() -> int:
    """A free port of this node."""
    with socket.socket() as found:
        found.bind(("", 0))
        return found.getsockname()[1]


def make_start(task: Task) -> tuple[list[str], dict[str, str]]:
    """The command to start on this node, and its environment."""
    env = {**os.environ, **task.spec.env}
    if not env.get("OMP_NUM_THREADS"):
        env["OMP_NUM_THREADS"] = env.get("SLURM_CPUS_ON_NODE", "1")
    if task.spec.num_nodes == 1:
        return task.command, env
    nodes = str(task.spec.num_nodes)
    env["MASTER_PORT"] = str(free_port())
    if "SLURM_CPUS_PER_TASK" in env:  # srun no longer takes it from there
        env["SRUN_CPUS_PER_TASK"] = env["SLURM_CPUS_PER_TASK"]
    launch = ["srun", "--kill-on-bad-exit=1", "--wait=0", f"--nodes={nodes}", f"--ntasks={nodes}"]
    launch += [
        "--ntasks-per-node=1",
        sys.executable,
        str(Path(__file__).with_name("node.py")),
    ]
    return [*launch, str(task.folder / "job.json")], env


def run(task: Task, notice: Notice) -> int:
    """Runs the command and passes the first notice on; returns its exit code."""
    command, env = make_start(task)
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=task.spec.cwd, env=env)
    except OSError as error:
        say(f"{error}\n")
        return 127
    told = False
    while process.poll() is None:
        if notice.number and not told:
            told = True
            tell(process, task, notice)
        time.sleep(POLL_SECONDS)
    if task.spec.num_nodes == 1:
        return process.returncode
    return of_nodes(task, process.returncode)


def of_nodes(task: Task, code: int) -> int:
    """The exit code of a job from srun's, which is the highest of all nodes."""
    if code == 0 and task.was_stopped():
        return STOPPED
    # srun's own 143: node.py never returns a command's 143.
    return -signal.SIGTERM if code == STOPPED else code


def tell(process: subprocess.Popen[bytes], task: Task, notice: Notice) -> None:
    """Passes a notice on to the command, unless Slurm has signalled it already."""
    if notice.number == signal.SIGTERM and is_taken(task, state_of(task)):
        return
    say(f"# {signal.Signals(notice.number).name}: the command is asked to stop\n")
    several = task.spec.num_nodes > 1
    process.send_signal(signal.SIGUSR1 if several else signal.SIGTERM)


def state_of(task: Task) -> State | None:
    """Slurm's state of this job; None if it does not answer."""
    for pause in ASK_SECONDS:
        time.sleep(pause)
        with contextlib.suppress(Busy):
            return find_state(task.job)
    return None


def is_taken(task: Task, state: State | None) -> bool:
    """Whether Slurm has cancelled this start or put the job back into the queue."""
    return state is not None and (state.name not in RUNNING or state.restarts > task.restarts)


def conclude(task: Task, notice: Notice, code: int) -> int:
    """Writes the end, or puts the job back, or leaves it to Slurm; returns the exit code."""
    if code == 0:
        return finish(task, code)
    notice.wait(SIGNAL_SECONDS)
    state = state_of(task)
    if state is not None and is_taken(task, state):
        say(f"# Slurm ended start {task.restarts + 1} of job {task.job} ({state.name})\n")
        return exit_code(code)
    if state is not None and state.is_preempted:  # Slurm does not put back jobs that end themselves
        return put_back(task, code)
    if code == STOPPED and notice.number:
        return put_back(task, code)
    if state is None and notice.number == signal.SIGTERM:
        say("# Slurm did not answer whether it cancelled this job or puts it back\n")
        return exit_code(code)
    if notice.number == signal.SIGUSR1:
        say("# its time limit was near, and the command does not save: give it more --time\n")
    return finish(task, code)


def finish(task: Task, code: int) -> int:
    """Writes the end; returns the exit code."""
    if not task.end(code):
        say("# a later start has taken over: this end does not count\n")
    return exit_code(code)


def put_back(task: Task, code: int) -> int:
    """Lets Slurm restart the job; it is an end after too many restarts or if Slurm refuses."""
    if task.restarts >= task.spec.max_requeues:
        say(f"# stopped, and not started over: it was {task.restarts} times (max_requeues)\n")
        return finish(task, code)
    if not requeue(task):
        return finish(task, code)
    say("# stopped: the job is back in the queue and goes on from what it saved\n")
    return exit_code(code)


def requeue(task: Task) -> bool:
    """Asks Slurm to put the job back; returns whether it has."""
    for pause in REQUEUE_SECONDS:
        time.sleep(pause)
        try:
            ask("scontrol", "requeue", task.job)
            return True
        except Busy as error:
            if is_taken(task, state_of(task)):
                return True
            say(f"# {error}\n")
            if not error.is_in_doubt:
                break
    return False


def exit_code(code: int) -> int:
    """The exit code in a shell's form: 128 + number for a command that died of a signal."""
    return code if code >= 0 else 128 - code


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the task; returns the exit code of its command."""
    words = sys.argv[1:] if argv is None else argv
    if len(words) != 1 or words[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    notice = Notice()
    task = Task(Path(words[0]), os.environ)
    earlier = read_end(task.folder, task.number)
    if earlier is not None:  # the task ended after Slurm had put it back
        return exit_code(earlier)
    task.claim()
    started = time.time()
    if task.restarts:
        say(f"# start {task.restarts + 1} of job {task.job}\n")
    say(log_head(task.command, started))
    code = run(task, notice)
    say(log_foot(code, started, time.time()))
    return conclude(task, notice, code)


if __name__ == "__main__":
    sys.exit(main())
