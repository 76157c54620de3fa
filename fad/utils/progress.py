"""Progress bars for terminals and log files."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

from fad.utils.cli import is_follower


def progress(items: Iterable[Any] | None = None, **options: Any) -> tqdm:
    """A tqdm bar; if standard error is not a terminal, it writes at most a line in 10 seconds.

    Only the first of torchrun's processes shows bars.
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
