"""The files of one folder by which run_slurm.py and its jobs exchange messages.

    job.json     what to run, from run_slurm.py; tasks differ only in their number
    start.<n>    the number of restarts of task n at its last start
    end.<n>      the exit code of task n, once it is certain
    stopped.<n>  on several nodes: the number of restarts of task n when it ended with 143

A job that is not an array is task 0. Files are written beside and renamed, so they are complete.
"""

import contextlib
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from jobs import command_for_job

STOPPED = 143  # 128 + SIGTERM: the exit code of a command that was asked to stop and has saved


@dataclass(frozen=True)
class Spec:
    """What to run, and the options that slurm/job.py needs."""

    command: list[str]
    cwd: str
    is_array: bool
    num_nodes: int
    env: dict[str, str]  # set over the environment from Slurm
    max_requeues: int

    def write(self, folder: Path) -> Path:
        """Writes job.json into the folder."""
        path = folder / "job.json"
        write_whole(path, json.dumps(asdict(self), indent=2) + "\n")
        return path


class Task:
    """One task on a node of its job, from the environment that Slurm set."""

    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self.folder = path.parent
        self.spec = Spec(**json.loads(path.read_text(encoding="utf-8")))
        self.number = int(env["SLURM_ARRAY_TASK_ID"]) if self.spec.is_array else 0
        self.restarts = int(env.get("SLURM_RESTART_COUNT", 0))
        # An array's task may have the array's number as its job, which would mean all tasks.
        self.job = env["SLURM_JOB_ID"]
        if self.spec.is_array:
            self.job = f"{env['SLURM_ARRAY_JOB_ID']}_{self.number}"

    @property
    def command(self) -> list[str]:
        """The command with the task's number in place of JOB."""
        if not self.spec.is_array:
            return self.spec.command
        return command_for_job(self.spec.command, self.number)

    def claim(self) -> None:
        """Records that this is the start whose end counts."""
        write_whole(self.folder / f"start.{self.number}", str(self.restarts))

    def end(self, code: int) -> bool:
        """Writes the end, unless there was a later start; returns whether it did."""
        if (self.folder / f"start.{self.number}").read_text() != str(self.restarts):
            return False
        write_whole(self.folder / f"end.{self.number}", str(code))
        return True

    def note_stopped(self) -> None:
        """Records, on the first of several nodes, that the command was stopped and has saved."""
        write_whole(self.folder / f"stopped.{self.number}", str(self.restarts))

    def was_stopped(self) -> bool:
        """Whether `note_stopped` was called in this start."""
        path = self.folder / f"stopped.{self.number}"
        return path.exists() and path.read_text() == str(self.restarts)


def read_end(folder: Path, number: int) -> int | None:
    """The exit code of a task; None if it has not ended."""
    try:
        return int((folder / f"end.{number}").read_text())
    except FileNotFoundError:
        return None


def ended(folder: Path) -> set[int]:
    """The tasks that have ended."""
    # A network file system may show an old listing for a minute, unless this node changes it.
    probe = folder / "probe"
    with contextlib.suppress(OSError):
        probe.touch()
        probe.unlink()
    names = [name.split(".") for name in os.listdir(folder)]
    return {int(name[1]) for name in names if name[0] == "end" and len(name) == 2}


def write_whole(path: Path, text: str) -> None:
    """Writes beside and renames; other nodes may do the same at once."""
    beside = path.with_name(f"{path.name}.{socket.gethostname()}.{os.getpid()}.part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
