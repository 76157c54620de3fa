"""Progress bars that suit a terminal and a log file alike."""

import sys
from collections.abc import Iterable

from tqdm import tqdm

from fad.utils.cli import is_follower


def progress(items: Iterable | None = None, **options) -> tqdm:
    """A tqdm bar; where standard error is no terminal it writes a line each 10 seconds at most.

    Of the processes that torchrun starts, the first alone shows its bars.
    """
    interval = 0.5 if sys.stderr.isatty() else 10.0
    return tqdm(
        items,
        mininterval=interval,
        maxinterval=2 * interval,
        ncols=100,
        disable=is_follower(),
        **options,
    )
