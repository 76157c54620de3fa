"""The audio files below a folder."""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from fad.data.corpus import is_audio
from fad.utils.errors import FadError

logger = logging.getLogger(__name__)


def audio_below(folder: Path, ignored: Counter[str]) -> Iterator[Path]:
    """Yields what is named like audio below a folder, in order of names, one at a time.

    Links to folders are followed, each folder once, but not upwards: that would take in the clips
    of the other class. A link without a target is yielded too, to be named as a missing file.

    Args:
        folder: where to look.
        ignored: counts the endings of all other files; see `warn_of_ignored`.

    Raises:
        FadError: a folder cannot be listed.
    """
    seen, base = set(), os.path.realpath(folder)
    for place, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        real = os.path.realpath(place)
        if real in seen or base.startswith(f"{real.rstrip(os.sep)}{os.sep}"):
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        for path in map(Path(place).joinpath, sorted(names)):
            if is_audio(path):
                yield path
            else:
                ignored["hidden" if path.name[0] == "." else path.suffix or path.name] += 1


def warn_of_ignored(ignored: Counter[str]) -> None:
    """Names the endings of files that are not named like audio, and how many have each."""
    if ignored:
        endings = ", ".join(f"{count} {ending}" for ending, count in ignored.most_common(9))
        logger.warning("%d files not named like audio: %s", ignored.total(), endings)


def _refuse(error: OSError) -> NoReturn:
    raise FadError(
        f"{error.filename}: cannot be listed ({error.strerror}): change its mode or leave it out"
    ) from None
