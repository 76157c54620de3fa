#!/usr/bin/env python3
"""Runs the command of a job of several nodes on one of them; slurm/job.py starts it with srun.

srun kills its tasks at SIGTERM. So a stop comes as SIGUSR1, which srun sends to every process of
its tasks. This process turns it into SIGTERM for the command only; the command and its children
ignore SIGUSR1. Slurm's own SIGTERM reaches all processes without help.

A command that was stopped and has saved (exit code 143) is a success for srun, which would
otherwise kill the other nodes while they save.
"""

import sys
from pathlib import Path

# As a program it must import from utils/: the queue.py beside it would hide Python's own.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import os
import signal
import socket
import subprocess
from collections.abc import Sequence

from slurm.task import STOPPED, Task


def ignore_usr1() -> None:
    """Ignores SIGUSR1; called in the new process before the command starts, children inherit it."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def run(command: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    process: subprocess.Popen[bytes] | None = None
    told = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal told
        told = True
        if process is not None:
            process.terminate()

    signal.signal(signal.SIGUSR1, stop)
    # A handler, since the command would inherit an ignored signal.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=ignore_usr1)
    except OSError as error:
        print(error, flush=True)
        return 127
    if told:
        process.terminate()
    return process.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; prints its exit code if it failed."""
    words = sys.argv[1:] if argv is None else argv
    if len(words) != 1 or words[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    task = Task(Path(words[0]), os.environ)
    code = run(task.command)
    node = os.environ["SLURM_NODEID"]
    if code != 0:
        print(f"# node {node} ({socket.gethostname()}): exit code {code}", flush=True)
    if code == -signal.SIGTERM:
        # 143 would be the highest code, hide errors of other nodes, and look as if this had saved.
        return 1
    if code != STOPPED:
        return code if code >= 0 else 128 - code
    if node == "0":
        task.note_stopped()
    return 0


if __name__ == "__main__":
    # Python removes its handlers while it exits; a SIGTERM would then change the exit code.
    os._exit(main())
