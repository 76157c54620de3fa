#!/usr/bin/env python3
"""Runs the command of a job of several nodes on one of them; slurm/job.py has srun start it.

srun takes SIGTERM as the order to kill. So the word to stop comes as SIGUSR1, which srun sends to
every process of its tasks: this one makes it a SIGTERM to the command alone, whose children ignore
it. Slurm's own SIGTERM reaches them all by itself.

A command that was stopped and has saved (exit code 143) ends well for srun, which would otherwise
kill the others in the midst of saving.
"""

import sys
from pathlib import Path

# Run as a program: modules come from utils/, since the queue.py beside it is not Python's own.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import os
import signal
import socket
import subprocess
from collections.abc import Sequence

from slurm.task import STOPPED, Task


def ignore_usr1() -> None:
    """In the command, before it is one; its children inherit it."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def run(command: Sequence[str]) -> int:
    """The exit code of the command."""
    process: subprocess.Popen | None = None
    told = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal told
        told = True
        if process is not None:
            process.terminate()

    signal.signal(signal.SIGUSR1, stop)
    # A handler, since a command would inherit that a signal is ignored.
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
    """Runs it, and says how it ended where that is not well."""
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
        # 143 would be the highest, hide what went wrong elsewhere, and look as if this had saved.
        return 1
    if code != STOPPED:
        return code if code >= 0 else 128 - code
    if node == "0":
        task.note_stopped()
    return 0


if __name__ == "__main__":
    # As Python ends it gives its handlers up, and a SIGTERM then would change the exit code.
    os._exit(main())
