"""A cluster for the session, and the jobs that wait for their time limits while other tests run."""

import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.helpers.processes import kill, marked
from tests.slurm.cluster import Cluster, worker


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A cluster of two nodes."""
    mark = uuid.uuid4().hex
    folder = tmp_path_factory.mktemp("cluster")
    made = Cluster(folder, mark)
    try:
        started = made.script("start")
        if started.returncode == 3:
            pytest.skip(f"no cluster to submit to: {started.stderr.strip().splitlines()[-1]}")
        assert started.returncode == 0, started.stderr
        yield made
    finally:
        stopped = made.script("stop")
        # proctrack/linuxproc loses those whose parents have ended.
        kill(marked(mark))
        shutil.rmtree(folder / "slurm", ignore_errors=True)
    assert stopped.returncode == 0, stopped.stderr
    assert stopped.stderr == ""


class Limited:
    """run_slurm.py with a job that comes to its time limit of one minute."""

    def __init__(self, cluster: Cluster, folder: Path, options: tuple[str, ...], words) -> None:
        self.folder = folder
        command = worker(folder, *words)
        self.process = cluster.start(
            folder, "--time", "1", "--nodelist", "n1", *options, f"{folder.name}.log", *command
        )


@pytest.fixture(scope="session")
def limited(cluster, tmp_path_factory):
    """Started at once, since a minute is the least limit and is looked at twice in it."""
    soon = ("--stop_before", "20")
    jobs = {
        "saves": (soon, ("saves", "child")),
        "too_often": ((*soon, "--max_requeues", "0"), ("saves",)),
        "dies": (soon, ()),
        "is_killed": (("--stop_before", "0"), ("ignores",)),
    }
    started = {
        name: Limited(cluster, tmp_path_factory.mktemp(name, numbered=False), *job)
        for name, job in jobs.items()
    }
    yield started
    for job in started.values():
        if job.process.poll() is None:
            job.process.terminate()
            job.process.wait()


@pytest.fixture(scope="session", autouse=True)
def start_limited(request):
    """They are the first to start and the last to end."""
    if any("limited" in item.fixturenames for item in request.session.items):
        request.getfixturevalue("limited")


@pytest.fixture(autouse=True)
def nothing_is_left(request, tmp_path):
    """No test leaves files of run_slurm.py beside its logs."""
    yield
    assert not list(tmp_path.rglob(".*.slurm")), subprocess.run(
        ["ls", "-laR", tmp_path], capture_output=True, text=True
    ).stdout
