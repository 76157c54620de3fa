"""The files that `score` is given: paths, folders and lists of paths."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from fad.data.corpus import is_audio
from fad.data.lines import iter_lines
from fad.utils.errors import FadError


def audio_files(paths: Iterable[Path], listing: Path | None) -> Iterator[Path]:
    """Yields files in their order; of a folder all that are named like audio, sorted.

    Args:
        paths: files and folders; folders are searched to any depth, links to folders not.
        listing: a text file with one path a line, from the current directory.

    Raises:
        FadError: the list cannot be read, or a folder has no file that is named like audio.
    """
    for path in paths:
        yield from _in_folder(path) if os.path.isdir(path) else [path]
    if listing is not None:
        yield from (Path(line) for line in iter_lines(listing) if line.strip())


def _in_folder(folder: Path) -> Iterator[Path]:
    empty = True
    for place, folders, names in os.walk(folder):
        folders.sort()
        for path in filter(is_audio, map(Path(place).joinpath, sorted(names))):
            empty = False
            yield path
    if empty:
        raise FadError(f"{folder}: has no file that is named like audio")
