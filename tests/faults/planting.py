"""How a guard is taken away, to see the test of its malformed input fail."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

Remove = Callable[[pytest.MonkeyPatch], None]


class Planted(NamedTuple):
    """A guard that is removed, and the malformed input that must then not be refused as it is."""

    guard: str
    fault: str
    remove: Remove


def put(module: Any, name: str, value: Any) -> Remove:
    """Removes a guard by putting something else in its place."""
    return lambda patch: patch.setattr(module, name, value)


def both(first: Remove, second: Remove) -> Remove:
    return lambda patch: (first(patch), second(patch))


def does_nothing(*_: object, **__: object) -> None:
    """A check that finds nothing."""


def same(value: Any, *_: object, **__: object) -> Any:
    """A check that gives back what it was given."""
    return value
