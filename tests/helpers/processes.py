"""Processes and their children, as /proc shows them."""

import os
import signal
from pathlib import Path


def family(pid: int) -> list[int]:
    """A process and all its descendants, parents first."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:  # it has ended meanwhile
            continue
        parents[int(stat.parent.name)] = int(text.rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found


def marked(mark: str) -> list[int]:
    """All processes with `mark` in the environment that they were started with, oldest first.

    Unlike a family it has those whose parents are gone.
    """
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:  # it has ended meanwhile
            continue
    return sorted(pid for pid in found if runs(pid))


def kill(pids: list[int]) -> int:
    """Sends SIGKILL to those that still are, and says to how many."""
    reached = 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        reached += 1
    return reached


def runs(pid: int) -> bool:
    """Whether a process still runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
