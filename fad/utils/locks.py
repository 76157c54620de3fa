"""One run at a time in a folder: two lock files there, held by `flock`.

utils/locks.sh has the same protocol in shell:

- A run that writes takes an exclusive lock of `.run.lock`; one that only reads takes a shared lock.
- A run that writes then writes a line with its name into the file and gives it to its jobs as
  `FAD_RUN`, with the folder as `FAD_RUN_IN`. A job takes a shared lock of `.run.jobs.lock` and then
  looks whether `.run.lock` still names its run and is free or held alone.
- Whoever has a lock of `.run.lock` then needs an exclusive lock of `.run.jobs.lock` for a moment.
  So the next run waits for the last job, even for one on another machine after its run was killed.
- A job whose run has ended while another has begun is a run of its own, or ends.

`flock` also works between machines if the folder is on NFS.
"""

import errno
import fcntl
import logging
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from fad.utils.errors import FadError

LOCK = ".run.lock"
JOBS = ".jobs.lock"  # in place of its ending
RUN, RUN_IN = "FAD_RUN", "FAD_RUN_IN"  # in the environment of a run's jobs
WAIT = 8.0  # seconds: after a process is killed, its workers need some time to end
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)  # Lustre and NFS without locks
_AGAIN = 0.1  # seconds from one try to the next

logger = logging.getLogger(__name__)
_kept: list[TextIO] = []  # until the process ends


@contextmanager
def held(lock: Path, wait: float | None = None) -> Iterator[None]:
    """Holds the lock file `lock` until the end, or the death, of this process.

    Args:
        lock: the file.
        wait: seconds to wait for it; by default `WAIT`.

    Raises:
        FadError: another run holds it; the text names the run.
    """
    wait = WAIT if wait is None else wait
    lock.parent.mkdir(parents=True, exist_ok=True)
    with _joined(lock, wait) or _taken(lock, wait):
        yield


def join_run() -> None:
    """Shares the lock of the run that this process is a job of, until the process ends.

    A job on another machine does not inherit the locks of its run. It does nothing in a process
    that no run has started.

    Raises:
        FadError: that run has ended, and another uses the folder.
    """
    folder = os.environ.get(RUN_IN)
    if not folder:
        return
    file = _joined(Path(folder) / LOCK, WAIT)
    if file is None:
        raise FadError(f"{folder}: this job's run has ended and another is there: start it again")
    _kept.append(file)


def _open(lock: Path) -> TextIO:
    """Opens the lock, and nothing that a link would lead to or that would wait, such as a FIFO."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(lock, flags, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise FadError(f"{lock}: is no regular file: remove it") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FadError(f"{lock}: is no regular file: remove it")
    return open(descriptor, "r+", encoding="utf-8")


def _joined(lock: Path, wait: float) -> TextIO | None:
    """Shares the jobs' lock if this process is a job of the run that `lock` names."""
    run, folder = os.environ.get(RUN), os.environ.get(RUN_IN)
    if not run or not folder or lock.resolve() != Path(folder, LOCK).resolve():
        return None
    jobs = _open(lock.with_suffix(JOBS))
    if _lock(jobs, fcntl.LOCK_SH, wait) and _has_run(lock, run):
        return jobs
    jobs.close()
    return None


def _has_run(lock: Path, run: str) -> bool:
    """Whether a run is the last to write here, and nobody reads what it wrote so far."""
    with _open(lock) as file:
        # The name is empty if the disk was full when the run wrote it.
        return _read(file) in (run, "") and (
            _lock(file, fcntl.LOCK_EX, 0) or not _lock(file, fcntl.LOCK_SH, 0)
        )


def _taken(lock: Path, wait: float) -> TextIO:
    """Takes the lock alone and writes a name into it, while no job of an earlier run is there."""
    file = _open(lock)
    try:
        _take(file, lock.parent, wait, "")
        with _open(lock.with_suffix(JOBS)) as jobs:
            _take(jobs, lock.parent, wait, f"jobs of {_read(file)}")
            with suppress(OSError):  # the name only helps messages; a full disk may prevent it
                os.ftruncate(file.fileno(), 0)
                os.write(file.fileno(), f"{_name()}\n".encode())
    except BaseException:
        file.close()
        raise
    return file


def _take(file: TextIO, folder: Path, wait: float, holder: str) -> None:
    if not _lock(file, fcntl.LOCK_EX, wait):
        holder = holder or _read(file) or "another process"
        raise FadError(f"{folder}: in use by {holder}: wait for its end, or end it")


def _lock(file: TextIO, kind: int, wait: float) -> bool:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            logger.warning(
                "%s: there are no locks on its file system (%s): going on without; take care that "
                "no other run works there",
                *(file.name, error.strerror),
            )
            return True
        time.sleep(_AGAIN)


def _read(file: TextIO) -> str:
    file.seek(0)
    return file.read().strip()


def _name() -> str:
    since = datetime.now().isoformat(timespec="seconds")
    return f"process {os.getpid()} on {socket.gethostname()}, since {since}"
