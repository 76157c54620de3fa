"""The command that checks data directories."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fad.data.tables import write_data_dir

ROOT = Path(__file__).parents[3]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    tables = {
        "wav.scp": {"c-1": "a.wav", "c-2": "b.wav"},
        "utt2spk": {"c-1": "p", "c-2": "p"},
        "utt2label": {"c-1": "bonafide", "c-2": "spoof"},
        "utt2attack": {"c-1": "-", "c-2": "A01"},
    }
    write_data_dir(tmp_path / "data", tables)
    return tmp_path / "data"


def validate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        # -S: without the environment's packages: it needs none of them.
        [sys.executable, "-S", "-m", "fad.bin.validate_data_dir", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_a_valid_directory_is_counted(data_dir):
    done = validate(data_dir)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{data_dir}: valid: 2 utterances, 1 bonafide, 1 spoof\n"


def test_a_fault_ends_it_with_one_line(data_dir):
    (data_dir / "spk2utt").write_text("p c-1\n")
    done = validate(data_dir)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "first at 'p': has 'c-1', should have 'c-1 c-2'" in done.stderr


def test_a_missing_directory_and_no_directory_are_errors(tmp_path):
    assert "lacks wav.scp" in validate(tmp_path / "none").stderr
    assert validate().returncode == 2
