import shutil
import subprocess

import pytest

from fad.utils.git import git_hash


@pytest.fixture
def repository(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    (tmp_path / "file").write_text("one")
    who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "-q"], ["add", "file"], [*who, "commit", "-q", "-m", "test: first"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    return tmp_path


def test_commit_and_change(repository):
    commit = git_hash(repository)
    assert len(commit) == 40
    (repository / "untracked").write_text("new")
    assert git_hash(repository) == commit
    (repository / "file").write_text("two")
    assert git_hash(repository) == f"{commit}+dirty"


def test_the_commit_of_another_repository_is_not_ours(repository):
    (repository / "site-packages").mkdir()
    assert git_hash(repository / "site-packages") is None


def test_without_git_there_is_no_hash(repository, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert git_hash(repository) is None
