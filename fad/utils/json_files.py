"""Reads JSON that anyone may have written: it is plain, or a `ValueError` or one line of error."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from fad.utils.errors import FadError

_LONGEST = 1 << 28  # bytes: results of a million speakers have about half
_DEEPEST = 100  # levels: Python's own functions stop at about 1,000
_LARGEST = 1e100  # squares, and the margins of a plot, are then finite too


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text; it can be written, printed and walked again.

    Raises:
        ValueError: it is no JSON or no UTF-8, or holds NaN, an infinite or huge number, half a
            surrogate pair, or more than 100 levels.
    """
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deep") from None
    _check_depth(value)
    json.dumps(value, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError
    return value


def read_json(path: str | Path, remedy: str) -> Any:
    """The value of a JSON file, as `parse_json`.

    Raises:
        FadError: it cannot be read, is over 256 MB or is no such JSON; the text ends in `remedy`.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > _LONGEST:
                raise ValueError(f"{size:,} bytes are too many")
            return parse_json(file.read(_LONGEST + 1).decode())
    except OSError as error:
        raise FadError(f"{path}: cannot be read ({error.strerror}): {remedy}") from None
    except ValueError as error:
        raise FadError(f"{path}: is no JSON ({str(error)[:200]}): {remedy}") from None


def _whole(digits: str) -> int:
    _real(digits)
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if abs(value) > _LARGEST:
        raise ValueError(f"the number {digits[:40]} is too large")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in _children(node)]
    if level:
        raise ValueError("nested too deep")


def _children(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()
