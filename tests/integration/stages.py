"""A copy of the tree in which recipes are run as a user would."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.released import MINI, write_random_checkpoint

ROOT = Path(__file__).parents[2]
OUTPUTS = ("data", "dump", "exp", "downloads", "pretrained")
METHODS = ("frozen", "lora", "full")
BLOCKER = 'raise ImportError("fairseq is blocked in this test")\n'
# Two epochs; in the main process, since starting workers takes longer than these epochs.
SHORT = ("--set", "train.epochs=2", "--set", "train.num_workers=0")

Run = subprocess.CompletedProcess[str]


@dataclass
class Recipe:
    """A recipe of the copied tree, run as a user would."""

    path: Path
    pretrained: Path
    env: dict[str, str]

    def call(self, *words: str | Path) -> Run:
        """Runs a command in the recipe's folder."""
        return subprocess.run(
            words, cwd=self.path, env=self.env, capture_output=True, text=True, timeout=300
        )

    def run(self, *options: str | Path) -> Run:
        """`./run.sh` with the tiny encoder."""
        return self.call("./run.sh", "--pretrained", self.pretrained, *options)

    def start(self, *options: str | Path, log: Path | None = None) -> subprocess.Popen[bytes]:
        """`run`, left running; what it says goes to `log`."""
        with open(log or os.devnull, "wb") as said:
            return subprocess.Popen(
                ["./run.sh", "--pretrained", self.pretrained, *options],
                cwd=self.path,
                env=self.env,
                stdout=said,
                stderr=said,
            )

    def ok(self, *options: str | Path) -> Run:
        """`run`, which must end well."""
        done = self.run(*options)
        assert done.returncode == 0, done.stderr
        return done

    def shell(self, text: str) -> Run:
        """A line of bash in the environment that the stages have."""
        return self.call("bash", "-c", f"set -euo pipefail; . ../../utils/path.sh; {text}")


def make_tree(tree: Path) -> Path:
    """Copies what the stages need, without what they have made."""
    for name, left_out in (("fad", ()), ("utils", ()), ("conf", ()), ("egs", OUTPUTS)):
        ignore = shutil.ignore_patterns("__pycache__", *left_out)
        shutil.copytree(ROOT / name, tree / name, ignore=ignore)
    write_random_checkpoint(tree / "tiny.pt", MINI)
    return tree


def open_recipe(tree: Path, name: str, **env: str) -> Recipe:
    """A recipe of the copied tree, with this Python's packages and more in the environment."""
    plain = {key: value for key, value in os.environ.items() if key != "FAD_BACKEND"}
    # One thread: jobs run side by side, and sums are taken in one order.
    env = {**plain, "VENV": sys.prefix, "OMP_NUM_THREADS": "1", **env}
    return Recipe(tree / "egs" / name, tree / "tiny.pt", env)
