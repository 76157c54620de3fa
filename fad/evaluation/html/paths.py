"""Paths as they are shown in a page that is sent to others."""

from pathlib import Path

from fad.evaluation.results.systems import Experiment

LAST_PARTS = 3


def shown_path(path: str, run: Experiment) -> str:
    """A path without the folders of whoever made the page.

    An absolute path starts at the recipe's folder, or is cut to its last parts; a relative path
    stays as it is. curves.json and results.json keep the whole paths.
    """
    found = Path(path)
    if not found.is_absolute():
        return path
    recipe = Path(run["path"]).resolve().parents[2]
    if found.is_relative_to(recipe):
        return str(found.relative_to(recipe))
    parts = found.parts[1:]
    return path if len(parts) <= LAST_PARTS else "/".join(("…", *parts[-LAST_PARTS:]))
