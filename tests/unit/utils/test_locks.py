"""One run at a time: a run alone, or a run and the jobs that know its name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fad.utils.errors import FadError
from fad.utils.locks import LOCK, RUN, held

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
echo "$FAD_RUN"; read -r end
"""


@pytest.fixture(autouse=True)
def no_run(monkeypatch):
    monkeypatch.delenv(RUN, raising=False)


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
    with held(lock, wait=0):
        with held(lock, wait=0):  # as a second job of the run
            pass
        assert lock.read_text().strip() == name
        run.kill()
        run.wait()
        monkeypatch.delenv(RUN)
        assert not is_free(lock)
    assert is_free(lock)


def test_a_job_of_a_run_that_is_no_more_is_a_run_of_its_own(lock, script, monkeypatch):
    run, name = script
    run.kill()
    run.wait()
    with held(lock, wait=0):  # another has come since
        pass
    monkeypatch.setenv(RUN, name)
    with held(lock, wait=0):
        assert f"process {os.getpid()} on" in lock.read_text()
        assert not is_free(lock)
