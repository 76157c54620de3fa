"""The one exception that a user sees, and the spelling help that goes with it."""

import difflib
from collections.abc import Iterable


class FadError(Exception):
    """A mistake in an input, an option or a file: its text is one clear line with the remedy.

    Entry points print the text without a traceback and exit with 1 (see `fad.cli`). Library code
    raises it and never exits.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Says which of the `known` names a misspelt one means, and what there is to choose from."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}known: {', '.join(known) or 'none'}"
