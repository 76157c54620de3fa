"""One run at a time: a run alone, or a run and the jobs that know its name."""

import argparse
import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fad.dump.jobs import check_job
from fad.utils import locks
from fad.utils.errors import FadError
from fad.utils.locks import LOCK, RUN, RUN_IN, held

SHELL = Path(__file__).parents[3] / "utils/locks.sh"
HOLDER = """
import sys, time
from pathlib import Path
from fad.utils.locks import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
# A run of the stage script, that tells its name and ends when its input does.
SCRIPT = """
die() { echo "$*" >&2; exit 1; }
. "$1"; cd "$2"
hold_run exp
echo "${FAD_RUN:-}"; read -r end
"""


@pytest.fixture(autouse=True)
def no_run(monkeypatch):
    monkeypatch.delenv(RUN, raising=False)
    monkeypatch.delenv(RUN_IN, raising=False)


@pytest.fixture
def lock(tmp_path) -> Path:
    return tmp_path / "exp" / LOCK


@pytest.fixture
def script(tmp_path):
    """A run of the stage script in `exp`, and its name."""
    (tmp_path / "exp").mkdir()
    words = ["bash", "-euc", SCRIPT, "run.sh", SHELL, tmp_path]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        yield run, run.stdout.readline().decode().strip()
        run.kill()


def is_free(lock: Path) -> bool:
    try:
        with held(lock, wait=0):
            return True
    except FadError:
        return False


def test_a_lock_is_held_until_the_death_of_its_holder(lock):
    words = [sys.executable, "-c", HOLDER, lock]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(FadError, match=rf"exp: in use by process {other.pid} on .*, since "),
            held(lock, wait=0.2),
        ):
            pass
        other.kill()
        other.wait()
    with held(lock, wait=0):
        assert f"process {os.getpid()} on" in lock.read_text()
        assert not is_free(lock)
    assert is_free(lock)


def test_a_holder_that_ends_soon_is_waited_for(lock):
    words = [sys.executable, "-c", HOLDER.replace("60", "0.5"), lock]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with held(lock, wait=30):
            pass


def test_another_run_than_the_scripts_is_refused_with_its_name(lock, script):
    _, name = script
    with pytest.raises(FadError) as caught, held(lock, wait=0):
        pass
    assert str(caught.value) == f"{lock.parent}: in use by {name}: wait for its end, or end it"


def test_a_job_of_the_run_shares_its_lock_and_keeps_it_when_the_run_is_killed(
    lock, script, monkeypatch
):
    run, name = script
    monkeypatch.setenv(RUN, name)
    monkeypatch.setenv(RUN_IN, str(lock.parent))
    with held(lock.parent / "other" / LOCK, wait=0):  # a folder that is not the run's
        assert not is_free(lock.parent / "other" / LOCK)
    with held(lock, wait=0):
        with held(lock, wait=0):  # as a second job of the run
            pass
        assert lock.read_text().strip() == name
        end(run)
        with held(lock, wait=0):  # as a third, which began later
            pass
        monkeypatch.delenv(RUN)
        with pytest.raises(FadError, match=rf"exp: in use by jobs of {name}: "), held(lock, wait=0):
            pass
        assert hold(lock, "hold_run") == f"exp is in use by jobs that another run left, {name}"
        assert hold(lock, "hold_shared") == f"exp is being written by jobs that {name} left"
        assert lock.read_text().strip() == name
    assert is_free(lock)
    assert hold(lock, "hold_run") == hold(lock, "hold_shared") == ""


def end(run: subprocess.Popen[bytes]) -> None:
    run.kill()
    run.wait()


def hold(lock: Path, how: str) -> str:
    """What the shell says, without what it knows of processes, when it takes the folder's lock."""
    script = 'die() { echo "$*"; exit 1; }; . "$1"; _lock_wait=0; cd "$2"; "$3" exp'
    words = ["bash", "-euc", script, "run.sh", SHELL, lock.parents[1], how]
    said = subprocess.run(words, capture_output=True, text=True, timeout=20).stdout
    return said.strip().removesuffix(": wait for its end, or end it").split("; open in")[0]


def test_a_job_joins_the_run_that_started_it_until_it_ends(lock, script, monkeypatch):
    run, name = script
    monkeypatch.setenv(RUN, name)
    monkeypatch.setenv(RUN_IN, str(lock.parent))
    check_job(argparse.Namespace(job=1, nj=1))  # as every job of stages 2 and 4 does
    end(run)
    monkeypatch.delenv(RUN)
    assert not is_free(lock)
    locks._kept.pop().close()
    assert is_free(lock)


@pytest.mark.parametrize("how", ["hold_shared", "hold_run"])
def test_a_job_whose_run_was_followed_by_another_ends(lock, script, monkeypatch, how):
    run, name = script
    end(run)
    monkeypatch.setattr(locks, "WAIT", 0.0)
    monkeypatch.setenv(RUN, name)
    monkeypatch.setenv(RUN_IN, str(lock.parent))
    words = ["bash", "-euc", SCRIPT.replace("hold_run", how), "run.sh", SHELL, lock.parents[1]]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(FadError, match="this job's run has ended and another is there"):
            locks.join_run()
        end(other)
    assert locks._kept == []


def test_a_process_that_no_run_has_started_joins_none():
    locks.join_run()
    assert locks._kept == []


def test_a_job_of_a_run_that_is_no_more_is_a_run_of_its_own(lock, script, monkeypatch):
    run, name = script
    run.kill()
    run.wait()
    with held(lock, wait=0):  # another has come since
        pass
    monkeypatch.setenv(RUN, name)
    monkeypatch.setenv(RUN_IN, str(lock.parent))
    with held(lock, wait=0):
        assert f"process {os.getpid()} on" in lock.read_text()
        assert not is_free(lock)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to(path.parent / "victim")])
@pytest.mark.parametrize("language", ["python", "bash"])
def test_a_lock_that_is_no_regular_file_is_refused_and_its_target_kept(tmp_path, make, language):
    (tmp_path / "victim").write_text("mine")
    make(tmp_path / LOCK)
    if language == "python":
        with pytest.raises(FadError, match="is no regular file: remove it"), held(tmp_path / LOCK):
            pass
    else:
        for hold in ("hold_alone", "hold_shared", "hold_run", "hold_file"):
            target = tmp_path / LOCK if hold == "hold_file" else tmp_path
            script = f'die() {{ echo "$*"; exit 1; }}; . "$1"; {hold} "$2"'
            words = ["bash", "-euc", script, "run.sh", SHELL, target]
            done = subprocess.run(words, capture_output=True, text=True, timeout=20)
            assert done.returncode == 1
            assert "is no regular file" in done.stdout
    assert (tmp_path / "victim").read_text() == "mine"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_a_warning(lock, monkeypatch, caplog, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with held(lock, wait=0):
        assert f"process {os.getpid()} on" in lock.read_text()
    assert "there are no locks on its file system" in caplog.text


def test_another_error_of_a_lock_is_none_of_a_file_system_without_locks(lock, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Input/output"), held(lock, wait=0):
        pass
