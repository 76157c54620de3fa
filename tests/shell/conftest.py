"""Running bash as a user would, in an empty folder."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Bash = Callable[..., subprocess.CompletedProcess[str]]


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
