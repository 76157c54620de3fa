"""A cluster of tools/slurm_test_cluster.sh, and run_slurm.py on it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "slurm_test_cluster.sh"
PROGRAM = ROOT / "utils" / "run_slurm.py"
WORKER = Path(__file__).with_name("worker.py")


class Cluster:
    """What tests do to a cluster, and ask of it."""

    def __init__(self, folder: Path, mark: str) -> None:
        self.folder = folder
        conf = folder / "for_tests.conf"
        self.env = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        self.env |= {"FAD_SLURM_DIR": str(folder / "slurm"), "FAD_SLURM_CONF": str(conf)}
        self.env |= {"SLURM_CONF": str(folder / "slurm" / "slurm.conf"), "FAD_TEST_MARK": mark}
        shipped = (ROOT / "conf" / "slurm.conf").read_text()
        conf.write_text(shipped + "default grace=2\noption nodelist=* --nodelist=$0\n")

    def script(self, word: str) -> subprocess.CompletedProcess:
        """tools/slurm_test_cluster.sh WORD."""
        return subprocess.run([SCRIPT, word], env=self.env, capture_output=True, text=True)

    def ask(self, *command: str) -> str:
        """The output of a program of Slurm's."""
        return subprocess.run(
            command, env=self.env, capture_output=True, text=True, check=True
        ).stdout

    def start(self, folder: Path, *args: str, env: dict[str, str] | None = None):
        """run_slurm.py in a folder."""
        return subprocess.Popen(
            [sys.executable, str(PROGRAM), *args],
            cwd=folder,
            env={**self.env, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, folder: Path, *args: str, env: dict[str, str] | None = None):
        """run_slurm.py to its end."""
        return finish(self.start(folder, *args, env=env))

    def queue(self) -> list[str]:
        """Job, name and state of all that is in the queue."""
        return self.ask("squeue", "--noheader", "--array", "--format=%i %j %T").splitlines()

    def job_of(self, stem: str) -> str:
        """The number of the job whose log is `stem`.log, once it is in the queue."""
        found: list[str] = []

        def is_there() -> bool:
            found[:] = [line.split()[0] for line in self.queue() if f" {stem}-" in line]
            return bool(found)

        assert wait_for(is_there), f"{stem} is not in the queue"
        return found[0]

    def has(self, stem: str) -> bool:
        """Whether a job of that log is in the queue."""
        return any(f" {stem}-" in line for line in self.queue())

    def fail_node(self, node: str) -> None:
        """Ends a node with all that runs there, as a loss of power does."""
        for pid in processes_of(node, self.env["SLURM_CONF"]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def processes_of(node: str, conf: str) -> list[int]:
    """Its slurmd, the keepers of its jobs, and the jobs' processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            env = path.read_bytes().split(b"\0")
            words = (path.parent / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if f"SLURM_CONF={conf}".encode() not in env:
            continue
        pid = int(path.parent.name)
        if words[:3] == [b"slurmd", b"-N", node.encode()]:
            found.append(pid)
        if f"SLURMD_NODENAME={node}".encode() in env:
            found += [pid, *keepers_of(pid)]
    # The keepers first, or else they report the end of a job.
    return sorted(set(found), key=lambda pid: (not is_keeper(pid), pid))


def keepers_of(pid: int) -> list[int]:
    """The slurmstepd above a process of a job, where it is right above."""
    try:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return []
    return [parent] if is_keeper(parent) else []


def is_keeper(pid: int) -> bool:
    """Whether a process is a slurmstepd."""
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "slurmstepd\n"
    except OSError:
        return False


def finish(process: subprocess.Popen, seconds: float = 120.0) -> subprocess.CompletedProcess:
    """Its exit code and what it said."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def python(code: str) -> tuple[str, str, str]:
    """A command of Python."""
    return sys.executable, "-c", code


def worker(folder: Path, *words: str) -> tuple[str, ...]:
    """tests/slurm/worker.py, which traces what happens to it in the folder."""
    return sys.executable, str(WORKER), str(folder), *words


def trace(folder: Path) -> list[str]:
    """What workers said, in order."""
    path = folder / "trace"
    return path.read_text().splitlines() if path.exists() else []


def body(log: Path) -> list[str]:
    """The lines of a log that the command wrote."""
    return [line for line in log.read_text().splitlines() if not line.startswith("#")]


def wait_for(condition, seconds: float = 30.0) -> bool:
    """Whether it came true in time."""
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False
