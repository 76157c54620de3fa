"""Recipes are tried in a tree of their own, so that no test writes into the repository."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PREPARE = '. ../../utils/path.sh; exec python local/prepare.py --out data "$@"'


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[str], Path]:
    """Gives a function that copies a recipe beside links to `fad` and `utils`."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("fad", "utils"):
        (tree / name).symlink_to(ROOT / name)

    def copy(name: str) -> Path:
        outputs = shutil.ignore_patterns("data", "dump", "exp", "downloads", "__pycache__")
        return Path(shutil.copytree(ROOT / "egs" / name, tree / "egs" / name, ignore=outputs))

    return copy


@pytest.fixture(scope="session")
def script() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Gives a function that runs a script in a folder with this Python's environment."""

    def run_script(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "VENV": sys.prefix}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)

    return run_script


@pytest.fixture(scope="session")
def prepare_in(script) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Gives a function that makes a recipe's data as fad.sh does."""

    def run_prepare(folder: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
        return script(folder, "bash", "-c", PREPARE, "prepare.py", *options)

    return run_prepare


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The shared real data, or a skip that says where it was looked for."""
    path = Path(os.environ.get("FAD_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no shared test data in {path}: set FAD_SHARED_DATA")
    return path.absolute()
