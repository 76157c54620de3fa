"""What several workers of pytest-xdist share: the order of tests, and what is made once a run."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling

# Rooms whose tests take seconds each come first, so that the short ones fill the gaps at the end.
ROOMS = ("integration", "faults", "slurm", "shell")
# Tests that each start processes of their own and share nothing: any worker may take any of them.
APART = ("tests/faults/test_processes.py", "tests/faults/test_kill.py")


def room(nodeid: str) -> str:
    """`faults` of tests/faults/test_kill.py::test_it."""
    return nodeid.split("/")[1] if nodeid.count("/") else ""


def longest_first(items: list[pytest.Item]) -> None:
    """Sorts tests by room; the order within a room stays."""
    order = {name: number for number, name in enumerate(ROOMS)}
    items.sort(key=lambda item: order.get(room(item.nodeid), len(ROOMS)))


def group(nodeid: str) -> str:
    """Tests of one group share fixtures that take long to make, or that they change.

    Those of tests/integration share a tree, those of tests/slurm a cluster, others their file's.
    """
    path = nodeid.split("::")[0]
    if path.startswith(APART):
        return nodeid
    return room(path) if room(path) in ("integration", "slurm") else path


class ByGroup(LoadScopeScheduling):
    """Gives all tests of a group to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first worker to ask for it makes, and that no test may change."""
    base = factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    folder, made = shared / f"shared-{name}", shared / f"shared-{name}.made"
    with FileLock(f"{folder}.lock"):
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that failed
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
