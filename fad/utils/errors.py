"""The one exception that a user sees, and spelling help for its text."""

import difflib
from collections.abc import Iterable


class FadError(Exception):
    """An error in an input, an option or a file; its text is one clear line with the remedy.

    Entry points print the text without a traceback and exit with 1 (see `fad.utils.cli`). Library
    code raises it and never exits.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggests the `known` name nearest to a misspelt one, and lists all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}known: {', '.join(known) or 'none'}"


def innermost(error: FadError) -> str:
    """The original message, also when a DataLoader worker raised it.

    The text of a worker's error is the worker's traceback, which ends with the original message.
    """
    marker = f"{FadError.__module__}.{FadError.__qualname__}: "
    return str(error).rpartition(f"\n{marker}")[2].rstrip("\n")
