"""What holds for every file of the repository."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_LINES = 350
MAX_ENTRY_POINT = 80

# Words that mean one machine: a home, a mount, a scratch folder with a name in it.
SITE_PATHS = re.compile(r"(?<![\w.<{$])/(work|home|root|mnt|scratch|nfs|Users)/\w")


def listing(*options: str) -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("needs the git repository: this is an exported tree")
    found = subprocess.run(
        ["git", "ls-files", "-z", *options], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [line for line in found.split("\0") if line]


def tracked(*patterns: str) -> list[Path]:
    return [ROOT / line for line in listing("--", *patterns) if (ROOT / line).is_file()]


def names(paths) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def test_python_files_of_the_package_are_documented():
    undocumented = []
    for path in tracked("fad/*.py", "egs/*.py", "utils/*.py"):
        text = path.read_text(encoding="utf-8")
        if text and not ast.get_docstring(ast.parse(text)):
            undocumented.append(path)
    assert names(undocumented) == []


def test_public_functions_and_classes_of_the_package_are_documented():
    undocumented = []
    for path in tracked("fad/*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            named = isinstance(node, ast.FunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_") and not ast.get_docstring(node):
                undocumented.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert undocumented == []


def test_no_python_file_wants_to_be_two():
    long = [path for path in tracked("*.py") if len(path.read_text().splitlines()) > MAX_LINES]
    assert names(long) == []


def test_entry_points_are_short():
    long = [
        path
        for path in tracked("fad/bin/*.py")
        if len(path.read_text().splitlines()) > MAX_ENTRY_POINT
    ]
    assert names(long) == []


def test_no_symlink_is_in_git():
    modes = [entry.split("\t") for entry in listing("--stage")]
    assert [name for mode, name in modes if mode.startswith("120000")] == []


def test_no_text_names_a_place_on_one_machine():
    found = []
    for path in tracked():
        if path == Path(__file__):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # not text
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
            for number, line in enumerate(text.splitlines(), start=1)
            if SITE_PATHS.search(line)
        ]
    assert found == []


@pytest.mark.parametrize("text", ["/work/main", "in '/home/me/x'", "--dir=/mnt/disk"])
def test_a_place_on_one_machine_would_be_seen(text):
    assert SITE_PATHS.search(text)


@pytest.mark.parametrize("text", ["egs/data/x", "<repo>/../shared/data", "$HOME/work/x", "/data/"])
def test_other_paths_are_let_through(text):
    assert not SITE_PATHS.search(text)
