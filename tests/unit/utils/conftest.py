"""A Slurm of scripts: fake_slurm.py under the names of its programs."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

UTILS = Path(__file__).parents[3] / "utils"
FAKE = Path(__file__).with_name("fake_slurm.py")
PROGRAMS = ("sbatch", "squeue", "scontrol", "scancel", "sacct")

sys.path.insert(0, str(UTILS))  # its programs import each other as neighbours


class FakeSlurm:
    """Sets how it behaves, and runs programs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "slurm"
        self.jobs = folder / "jobs"
        programs = self.folder / "bin"
        programs.mkdir(parents=True)
        self.jobs.mkdir()
        for name in PROGRAMS:
            (programs / name).write_text(f"#!{sys.executable} -IS\n{FAKE.read_text()}")
            (programs / name).chmod(0o755)
        self.conf = self.folder / "conf"
        shipped = (UTILS.parent / "conf" / "slurm.conf").read_text()
        self.conf.write_text(shipped + "default grace=0\n")
        drop = ("SLURM_", "SBATCH_", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "FAD_SLURM_CONF")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
        self.env |= {"FAKE_SLURM": str(self.folder), "FAD_SLURM_CONF": str(self.conf)}
        self.env["PATH"] = f"{programs}:{os.environ['PATH']}"

    def set(self, **files: str) -> None:
        """Writes its files; `squeue_busy` is squeue.busy."""
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text)

    def calls(self, program: str) -> list[list[str]]:
        """The arguments of each call."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [call[1:] for call in map(json.loads, lines) if call[0] == program]

    def start(self, program: str, *args: str, env: dict[str, str] | None = None):
        """One of utils/, in the folder of the jobs."""
        return subprocess.Popen(
            [sys.executable, str(UTILS / program), *args],
            cwd=self.jobs,
            env={**self.env, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, program: str, *args: str, env: dict[str, str] | None = None):
        """The same, to its end."""
        process = self.start(program, *args, env=env)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def wait_for(self, condition, seconds: float = 20.0) -> bool:
        """Whether it came true in time."""
        end = time.time() + seconds
        while time.time() < end:
            if condition():
                return True
            time.sleep(0.05)
        return False


@pytest.fixture
def slurm(tmp_path):
    """Each test's own."""
    return FakeSlurm(tmp_path)
