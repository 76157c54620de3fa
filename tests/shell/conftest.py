"""Running bash as a user would, in an empty folder or in a recipe whose Python is a recorder."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Bash = Callable[..., subprocess.CompletedProcess[str]]
RECORDER = f"""\
#!/usr/bin/env bash
if [[ $2 == fad.bin.check_options ]]; then # it takes no time, and names the experiment
    PYTHONPATH={ROOT} exec {sys.executable} "$@"
fi
if [[ "$*" == *"--is_done true"* ]]; then # the dump is of the data; nothing else is done
    [[ "$*" == *${{IS_DONE:---on_error skip}}* ]] || exit 3
    exit 0
fi
printf -v words '%s\\t' "$@"
printf '%s\\n' "$words" >>"$CALLS"  # in one write, since jobs run side by side
[[ -z ${{EDIT:-}} || $2 == fad.bin.show_config ]] || bash -c "$EDIT"
[[ $1 != -m || $2 != "${{FAILING:-}}" || "$*" != *"${{FAILING_WITH:-}}"* ]]
"""
DATA_SH = '#!/usr/bin/env bash\npython local/data "$@"\n'
RUN_SH = """\
#!/usr/bin/env bash
cd "$(dirname "${BASH_SOURCE[0]}")"
exec ../TEMPLATE/fad.sh --corpus fake --pretrained xlsr.pt --nj 1 "$@"
"""


@pytest.fixture
def bash(tmp_path: Path) -> Bash:
    """A function that runs a script, given as text, with arguments; its folder is `tmp_path`."""

    def call(text: str, *args: str, env: dict[str, str] | None = None):
        script = tmp_path / "script.sh"
        script.write_text(text, encoding="utf-8")
        plain = {k: v for k, v in os.environ.items() if k not in ("VENV", "PYTHON", "FAD_BACKEND")}
        return subprocess.run(
            ["bash", str(script), *args],
            cwd=tmp_path,
            env={**plain, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return call


@dataclass
class Recipe:
    """A recipe whose Python only notes how it is called."""

    path: Path
    env: dict[str, str]

    def run(self, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        (self.path / "calls").write_text("")
        return subprocess.run(
            ["./run.sh", *options],
            cwd=self.path,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self) -> list[list[str]]:
        """The words of each call of Python after `-m`, in order, but for the config's check."""
        lines = (self.path / "calls").read_text().splitlines()
        found = [line.removeprefix("-m\t").split("\t")[:-1] for line in lines]
        return [words for words in found if words[0] != "fad.bin.show_config"]

    def called(self) -> list[str]:
        """What was called, repeats in a row given once."""
        names = [call[0].removeprefix("fad.bin.") for call in self.calls()]
        return [name for n, name in enumerate(names) if n == 0 or names[n - 1] != name]

    def call(self, name: str) -> list[str]:
        """The one call of an entry point."""
        (found,) = (call for call in self.calls() if call[0] == f"fad.bin.{name}")
        return found

    def add(self, *paths: str, lines: int = 2) -> None:
        for path in paths:
            (self.path / path).parent.mkdir(parents=True, exist_ok=True)
            (self.path / path).write_text("".join(f"u{n} x\n" for n in range(lines)))

    def add_all(self) -> None:
        """All that the stages leave behind."""
        for name in ("train", "dev", "eval"):
            self.add(f"data/{name}/wav.scp", f"dump/audio/{name}/wav.scp")
        self.add("dump/audio/train/utt2attack", "xlsr.pt")
        self.add("exp/lora/best.safetensors", "exp/lora/scores/eval")


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    tree, venv = tmp_path / "tree", tmp_path / "venv"
    shutil.copytree(ROOT / "utils", tree / "utils", ignore=shutil.ignore_patterns("__pycache__"))
    template = tree / "egs" / "TEMPLATE"
    template.mkdir(parents=True)
    shutil.copy(ROOT / "egs" / "TEMPLATE" / "fad.sh", template)
    program(venv / "bin/python", RECORDER)
    program(venv / "bin/python3", f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    # What the launcher starts has tests of its own.
    program(tree / "utils/launch.py", '#!/bin/sh\nexec python launch "$@"\n')
    folder = tree / "egs" / "fake"
    program(folder / "run.sh", RUN_SH)
    program(folder / "local/data.sh", DATA_SH)
    plain = {key: value for key, value in os.environ.items() if key != "FAD_BACKEND"}
    return Recipe(folder, {**plain, "VENV": str(venv), "CALLS": str(folder / "calls")})
