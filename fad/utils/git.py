"""The git commit of the code, for results to record."""

import subprocess
from pathlib import Path

CODE = Path(__file__).resolve().parents[2]


def _git(root: Path, *arguments: str) -> str | None:
    """The output of a git command; None without git or if it fails."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def git_hash(root: Path = CODE) -> str | None:
    """The commit of the code, with `+dirty` if tracked files were changed.

    It is None if `root` is not the top of a git working tree: an installed package may be inside
    another repository, whose commit does not describe it.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root.resolve():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}+dirty" if changes else commit
