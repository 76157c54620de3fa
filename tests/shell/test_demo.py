"""The demo's script, without its ten minutes: it finds its options and tools from any folder."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("folder", [".", "egs", "egs/mini"])
def test_help_from_any_folder(folder):
    script = (ROOT / "egs/mini/demo.sh").relative_to(ROOT / folder)
    command = ["bash", str(script), "--help"]
    done = subprocess.run(command, cwd=ROOT / folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--epochs" in done.stdout


def test_an_unknown_option_is_refused_before_anything_is_made():
    command = ["bash", "egs/mini/demo.sh", "--epoch", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "epoch" in done.stderr
