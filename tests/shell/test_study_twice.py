"""A study in two shells at once ends as if in one: each run done once, and the same tables.

A run only takes some time and then puts its finished experiment there. The report is real.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.study import write_run

ROOT = Path(__file__).parents[2]
SEEDS = range(1, 11)
TAGS = [f"study_{method}_train.seed={seed}" for seed in SEEDS for method in ("frozen", "lora")]
# study_runs asks which results are there; the report is made by the real program.
PYTHON = f"""\
#!/usr/bin/env bash
if [[ $2 == fad.bin.study ]]; then
    PYTHONPATH={ROOT} exec {sys.executable} "$@"
fi
while read -r tag; do
    state=todo
    [[ ! -e exp/$tag/results.json ]] || state=done
    printf '%s\\t-\\t0\\t%s\\tlora\\n' "$state" "$tag"
done <tags
"""
# A run as fad.sh does it, with its lock; it notes that it began.
RUN_SH = """\
#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
for word in "$@"; do
    [[ $word != --stop_stage ]] || exit 0
    [[ $word != --tag=* ]] || tag=${word#--tag=}
done
echo "$tag" >>started
[[ $tag != "${SLOW:-}" ]] || sleep 2
[[ $tag != "${BAD:-}" ]] || exit 1
sleep 0.02
mkdir "exp/$tag"
cp -r "finished/$tag/." "exp/$tag"
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The experiments that the runs would make."""
    folder = tmp_path_factory.mktemp("finished")
    for tag in TAGS:
        _, method, override = tag.split("_", 2)
        write_run(folder, method, override, tag=tag, distance=1.5 if method == "frozen" else 2.5)
    return folder


class Study:
    """study.sh in a recipe whose runs are ready."""

    def __init__(self, folder: Path, finished: Path) -> None:
        self.path = folder / "tree/egs/fake"
        shutil.copytree(ROOT / "utils", folder / "tree/utils")
        (self.path / "exp").mkdir(parents=True)
        (self.path.parent / "TEMPLATE").mkdir()
        shutil.copy(ROOT / "egs/TEMPLATE/study.sh", self.path.parent / "TEMPLATE")
        (self.path / "finished").symlink_to(finished)
        (self.path / "tags").write_text("".join(f"{tag}\n" for tag in TAGS))
        for path, text in ((folder / "venv/bin/python", PYTHON), (self.path / "run.sh", RUN_SH)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        self.env = {**os.environ, "VENV": str(folder / "venv")}

    def start(self, **env: str) -> subprocess.Popen[str]:
        words = {"cwd": self.path, "env": {**self.env, **env}, "text": True}
        return subprocess.Popen(["../TEMPLATE/study.sh"], stderr=subprocess.PIPE, **words)

    def started(self) -> list[str]:
        return (self.path / "started").read_text().split()

    def tables(self) -> dict[str, bytes]:
        files = (self.path / "exp/study").iterdir()
        return {path.name: path.read_bytes() for path in files if path.suffix in (".md", ".json")}


@pytest.fixture
def study(tmp_path, finished) -> Study:
    return Study(tmp_path / "two", finished)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    said = process.communicate(timeout=100)[1]
    return process.returncode, said


def test_two_shells_end_as_one(study, tmp_path, finished):
    alone = Study(tmp_path / "one", finished)
    one = alone.start()
    two = [study.start(), study.start()]
    for process in (one, *two):
        code, said = end(process)
        assert code == 0, said
    assert alone.started() == TAGS
    assert sorted(study.started()) == sorted(TAGS)
    assert set(study.tables()) == {"study.md", "study.json"}
    assert study.tables() == alone.tables()


def test_what_another_shell_is_doing_is_waited_for_and_gathered(study):
    slow = [study.start(SLOW=TAGS[0])]
    while not (study.path / "started").exists():
        assert slow[0].poll() is None
    code, said = end(study.start())
    assert code == 0, said
    assert f"run 1 of {len(TAGS)}: another shell is doing it: waiting for its end" in said
    assert TAGS[0] in (study.path / "exp/study/study.json").read_text()
    assert end(slow[0])[0] == 0
    assert sorted(study.started()) == sorted(TAGS)


def test_what_another_shell_leaves_undone_is_done(study):
    failing = study.start(SLOW=TAGS[0], BAD=TAGS[0])
    while not (study.path / "started").exists():
        assert failing.poll() is None
    code, said = end(study.start())
    assert code == 0, said
    code, said = end(failing)
    assert code == 1
    assert f"error: failed: {TAGS[0]}; " in said
    assert study.started().count(TAGS[0]) == 2
    assert all((study.path / f"exp/{tag}/results.json").exists() for tag in TAGS)


def test_a_folder_of_the_study_with_links_is_refused(study, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (study.path / "exp/study").mkdir()
    (study.path / "exp/study/times").symlink_to(victim)
    code, said = end(study.start())
    assert code == 1
    assert "exp/study/times is no regular file" in said
    assert victim.read_text() == "mine"
