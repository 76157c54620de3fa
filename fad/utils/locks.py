"""One run at a time in a folder: a lock file there, held by `flock`.

utils/locks.sh has the same protocol in shell:

- A run takes an exclusive lock and writes a line with its name into the file.
- A run that starts jobs then changes to a shared lock and gives the jobs its line as `FAD_RUN`. A
  job that finds this line in the file takes a shared lock too. So the next run waits for the last
  job, even for one on another machine after its run was killed.
- A job that finds another line does not belong to that run and needs an exclusive lock.

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
RUN = "FAD_RUN"  # in the environment of a run's jobs
WAIT = 8.0  # seconds: after a process is killed, its workers need some time to end
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)  # Lustre and NFS without locks
_AGAIN = 0.1  # seconds from one try to the next

logger = logging.getLogger(__name__)


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
    with _open(lock) as file:
        if not _joins(file, wait):
            _take(file, lock.parent, wait)
        yield


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


def _joins(file: TextIO, wait: float) -> bool:
    """Shares the lock if this process is a job of the run that the file names."""
    run = os.environ.get(RUN)
    names = (run, "")  # empty if the disk was full when the run wrote its name
    if not run or _read(file) not in names:
        return False
    # The name is read again, since that run may have ended and another may have begun.
    return _lock(file, fcntl.LOCK_SH, wait) and _read(file) in names


def _take(file: TextIO, folder: Path, wait: float) -> None:
    if not _lock(file, fcntl.LOCK_EX, wait):
        holder = _read(file) or "another process"
        raise FadError(f"{folder}: in use by {holder}: wait for its end, or end it")
    with suppress(OSError):  # the name only helps messages; a full disk may prevent it
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), f"{_name()}\n".encode())


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
