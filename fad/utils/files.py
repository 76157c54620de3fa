"""Atomic writes: a file is complete or missing, since it is written beside, synced and renamed."""

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

    On an error the partial file is removed and an old file at `path` stays unchanged. The temporary
    name has the same suffix, since writers such as soundfile choose the format by it.

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
    """Whether an error is a full disk, an exceeded quota or a file that is too large."""
    return isinstance(error, OSError) and error.errno in _FULL


def _is_out_of_room(error: Exception, part: Path) -> bool:
    if isinstance(error, FadError | OSError):
        return is_disk_full(error)
    # Writers in C++ and Rust have their own errors, or none: test the disk by writing to it.
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
    """Removes the partial files of killed writers; call it only when no writer is active."""
    for part in directory.glob(".*.part[0-9]*"):
        part.unlink(missing_ok=True)


def is_file(path: str | Path) -> bool:
    """Whether a path is a regular file; False if the system refuses the path.

    It is also False for a FIFO or a device, which may have no end.
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
