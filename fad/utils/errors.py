"""The one exception that a user sees, and the spelling help that goes with it."""

import difflib
from collections.abc import Iterable


class FadError(Exception):
    """A mistake in an input, an option or a file: its text is one clear line with the remedy.

    Entry points print the text without a traceback and exit with 1 (see `fad.utils.cli`). Library
    code raises it and never exits.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Says which of the `known` names a misspelt one means, and what there is to choose from."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}known: {', '.join(known) or 'none'}"


def innermost(error: FadError) -> str:
    """The text of an error, also of one that a process of a DataLoader has sent.

    Such a one has the other process's traceback for its text, whose last part is the error's own.
    """
    marker = f"{FadError.__module__}.{FadError.__qualname__}: "
    return str(error).rpartition(f"\n{marker}")[2].rstrip("\n")
