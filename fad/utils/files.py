"""Files that are either whole or not there: written beside, synced and renamed."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fad.utils.errors import FadError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PROBE = 1 << 20  # bytes


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to; on success it is synced and renamed to `path`.

    On any error the part-written file is removed and whatever stood at `path` stays as it was. The
    temporary name keeps the suffix, since writers such as soundfile choose the format by it.

    Raises:
        FadError: there is no room for the file.
    """
    path = Path(path)
    part = path.with_name(f".{path.stem}.part{os.getpid()}{path.suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        _sync(part)
        os.replace(part, path)
        _sync(path.parent)
    except Exception as error:
        if _is_out_of_room(error, part):
            raise FadError(
                f"{path}: no room left to write it (disk full, or over a quota): make room and "
                "start the same command again; what was there before is as it was"
            ) from error
        raise
    finally:
        part.unlink(missing_ok=True)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that a disk is full, a quota used up or a file too large."""
    return isinstance(error, OSError) and error.errno in _FULL


def _is_out_of_room(error: Exception, part: Path) -> bool:
    if isinstance(error, FadError | OSError):
        return is_disk_full(error)
    # Writers in C++ and Rust say it in words of their own, or not at all: try it by hand.
    try:
        with open(part, "ab") as file:
            file.write(bytes(_PROBE))
    except OSError as again:
        return is_disk_full(again)
    return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_parts(directory: Path) -> None:
    """Removes what killed writers left in `directory`; only where no writer can be at work."""
    for part in directory.glob(".*.part[0-9]*"):
        part.unlink(missing_ok=True)


def is_file(path: str | Path) -> bool:
    """Whether it is a regular file; also where the system takes no such name.

    So it is False for a FIFO or a device, whose end may never come.
    """
    try:
        return Path(path).is_file()
    except OSError:  # a name too long, a folder that may not be entered
        return False


def write_text(path: str | Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Writes JSON atomically, indented, with a closing newline; NaN is refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def sha256_file(path: str | Path) -> str:
    """The sha256 of a file's bytes, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
