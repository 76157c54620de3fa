"""The files that `score` is given: paths, folders and lists of paths."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from fad.data.folders import audio_below, warn_of_ignored
from fad.data.lines import iter_lines
from fad.utils.errors import FadError


def audio_files(paths: Iterable[Path], listing: Path | None) -> Iterator[Path | FadError]:
    """Yields files in their order; of a folder all that are named like audio, sorted.

    A folder that has none, or cannot be listed, gives its error: the rest is still to be scored.

    Args:
        paths: files and folders; folders are searched to any depth, behind links too.
        listing: a text file with one such path a line, from the current directory.

    Raises:
        FadError: the list cannot be read.
    """
    lines = () if listing is None else iter_lines(listing)
    for path in chain(paths, (Path(line) for line in lines if line.strip())):
        if os.path.isdir(path):
            yield from _in_folder(path)
        else:
            yield path


def _in_folder(folder: Path) -> Iterator[Path | FadError]:
    ignored, empty = Counter[str](), True
    try:
        for path in audio_below(folder, ignored):
            empty = False
            yield path
    except FadError as error:
        yield error
        return
    warn_of_ignored(ignored)
    if empty:
        yield FadError(f"{folder}: has no file that is named like audio: give files")
