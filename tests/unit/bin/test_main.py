"""The command `fad`: its list, its subcommands, and what is none."""

import subprocess
import sys
from pathlib import Path

import pytest

from fad.bin import __main__ as command
from fad.bin import show_config
from fad.utils.errors import FadError

MODULES = {path.stem for path in Path(command.__file__).parent.glob("[a-z]*.py")}
HEAVY = {"torch", "numpy", "scipy", "matplotlib"}


def fad(*words: str, code: str = "") -> subprocess.CompletedProcess[str]:
    start = [sys.executable, *(["-c", code] if code else ["-m", "fad.bin"])]
    return subprocess.run([*start, *words], capture_output=True, text=True)


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"]])
def test_the_help_lists_every_entry_point_in_one_line(capsys, monkeypatch, words):
    monkeypatch.setattr(sys, "argv", ["fad"])
    command.main(words)
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split(maxsplit=1) for line in lines if line.startswith("  ")]
    assert {name for name, _ in rows} == MODULES
    assert all(about.endswith((".", "...")) for _, about in rows)
    assert max(map(len, lines)) <= 100


def test_the_help_imports_nothing_heavy():
    code = """
import sys
from fad.bin.__main__ import main
main(["--help"])
print(*sys.modules, file=sys.stderr)
"""
    assert HEAVY & set(fad(code=code).stderr.split()) == set()


def test_a_subcommand_is_the_entry_point_of_its_name(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["fad"])
    alike = ["--config", "lora", "--set", "train.lr=1"]
    show_config.main(alike)
    expected = capsys.readouterr().out
    command.main(["show_config", *alike])
    assert capsys.readouterr().out == expected
    assert "lr: 1.0" in expected


def test_a_mistake_is_said_by_the_subcommand():
    done = fad("show_config", "--config", "lroa")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("fad show_config: error: --config lroa: ")


def test_what_is_no_subcommand_is_refused_with_the_nearest(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["fad"])
    with pytest.raises(FadError, match="no command 'scores'; did you mean 'score'"):
        command.main(["scores", "a.wav"])
    for hostile in ("os", "__main__", "../bin/score", "score.py", ""):
        with pytest.raises(FadError, match="no command"):
            command.main([hostile])
    done = fad("scores")
    assert (done.returncode, done.stderr.split(":")[0]) == (1, "fad")
