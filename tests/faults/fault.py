"""What is asked of every malformed input, in one place.

A `Fault` is a line of a table: its name, how the input is made, what reads it, and what must be
said. `refuse` makes it and checks all of these: a FadError; its one line, which has the words and
the file; no file made, changed or removed beside those that may be; and no canary.
"""

import os
import re
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fad.utils.errors import FadError

CANARY = "CANARY"  # what a hostile input would create, in the folder that it is read in


@dataclass(frozen=True)
class Fault:
    """A malformed input.

    Attributes:
        name: says what is wrong; unique among all faults.
        make: makes the input in an empty folder; what it returns is given to `call`.
        call: what a user does with it, run in that folder.
        says: a regular expression that the message must match.
        leaves: patterns of the files that may be left behind or changed, such as logs.
    """

    name: str
    make: Callable[[Path], Any]
    call: Callable[[Any], object]
    says: str
    leaves: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hostile(Fault):
    """A malformed input that tries to create the canary.

    Attributes:
        unsafe: a way of reading it in which it succeeds, so that the canary is known to be alive.
    """

    unsafe: Callable[[Any], object] = lambda subject: None


def refuse(fault: Fault, folder: Path) -> str:
    """Makes a fault in an empty folder and checks all that is asked; returns the message.

    Raises:
        AssertionError: something asked for does not hold.
    """
    return check(fault, fault.make(folder), folder)


def check(fault: Fault, subject: Any, folder: Path) -> str:
    """`refuse`, of a fault that was made."""
    before = _files(folder)
    with chdir(folder):
        message = _message(fault.call, subject)
    assert is_one_line(message), f"not one clean line: {message!r}"
    assert re.search(fault.says, message), f"says {message!r}"
    if isinstance(subject, Path):
        assert subject.name[:80] in message, f"does not name the file: {message!r}"
    after = _files(folder)
    touched = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    left = {name for name in touched if not any(Path(name).match(p) for p in fault.leaves)}
    assert not left, f"left behind or changed: {sorted(left)}"
    assert not list(folder.rglob(CANARY)), "it ran"
    return message


def is_one_line(message: str) -> bool:
    """Whether it is one line of bearable length, without anything that a terminal obeys."""
    return len(message) < 1000 and not re.search(
        "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]", message
    )


def _message(call: Callable[[Any], object], subject: Any) -> str:
    try:
        result = call(subject)
    except FadError as error:
        return str(error)
    raise AssertionError(f"accepted, with {str(result)[:100]!r}")


def _files(folder: Path) -> dict[str, tuple[int, ...]]:
    """All there is in a folder, but folders, with what changes when a file does."""
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            status = path.lstat()
            found[str(path.relative_to(folder))] = (
                *(status.st_mode, status.st_ino, status.st_size),
                status.st_mtime_ns,
            )
    return found
