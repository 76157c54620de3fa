"""Paths as a page that is sent to others shows them."""

from pathlib import Path

from fad.evaluation.results.systems import Experiment

LAST_PARTS = 3


def shown_path(path: str, run: Experiment) -> str:
    """An absolute path from the recipe's folder on, or its last parts; a relative one as it is.

    The whole paths stay in curves.json and results.json.
    """
    found = Path(path)
    if not found.is_absolute():
        return path
    recipe = Path(run["path"]).resolve().parents[2]
    if found.is_relative_to(recipe):
        return str(found.relative_to(recipe))
    parts = found.parts[1:]
    return path if len(parts) <= LAST_PARTS else "/".join(("…", *parts[-LAST_PARTS:]))
