"""What `pip install` brings: the package with its configs, the command, and py.typed."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fad.config import shipped
from fad.config.resolve import dump_config, load_config

ROOT = Path(__file__).parents[2]
SOURCES = ("setup.py", "pyproject.toml", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of a copy of the sources, since a build leaves files behind."""
    tree, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        shutil.copy(ROOT / name, tree)
    for name in ("fad", "conf"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--quiet", "--wheel-dir", out]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, tree], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (found,) = out.glob("fad-*.whl")
    return found


def test_it_has_every_config_and_what_else_is_no_python(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    configs = {f"fad/config/conf/{name}.yaml" for name in ("base", *shipped.names())}
    assert configs | {"fad/py.typed", "fad/evaluation/results/schema.json"} <= names
    assert not [name for name in names if name.startswith(("conf/", "tests/", "utils/"))]
    (entry_points,) = (name for name in names if name.endswith("/entry_points.txt"))
    assert b"fad = fad.bin.__main__:console" in zipfile.ZipFile(wheel).read(entry_points)


def test_unpacked_anywhere_it_finds_its_configs(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    # Two folders up from the package lies a folder of another's that is also called conf.
    (tmp_path / "site" / "conf").mkdir()
    shown = subprocess.run(
        [sys.executable, "-m", "fad.bin", "show_config", "--config", "lora+aasist"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == dump_config(load_config("lora+aasist"))
