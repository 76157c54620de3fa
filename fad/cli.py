"""What every entry point shares: the log format, and errors shown as one line."""

import argparse
import errno
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from fad.errors import FadError
from fad.files import is_disk_full

_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)

LOG_FORMAT = "%(asctime)s (%(module)s:%(lineno)d %(funcName)s) %(levelname)s: %(message)s"


def is_follower() -> bool:
    """Whether torchrun started this process beside a first one, which speaks for all."""
    return os.environ.get("RANK", "0") != "0"


def set_up_logging() -> None:
    """Logs to standard error with time, file, line, function; overrides what a library set up."""
    level = logging.WARNING if is_follower() else logging.INFO
    logging.basicConfig(level=level, format=LOG_FORMAT, stream=sys.stderr, force=True)


def parse_bool(text: str) -> bool:
    """An argparse type for `true` and `false`; anything else is refused."""
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, not '{text}'")
    return text == "true"


def run(main: Callable[[Sequence[str] | None], None]) -> None:
    """Runs an entry point's `main`; what a user can mend ends it with one line and exit code 1."""
    set_up_logging()
    try:
        main(None)
    except FadError as error:
        _fail(str(error))
    except OSError as error:
        if is_disk_full(error):
            _fail(
                f"{error.filename or 'a file'}: no room left (disk full, or over a quota): make "
                "room and start the same command again"
            )
        if error.errno in _FORBIDDEN:
            _fail(f"{error.filename}: {error.strerror}: change its owner or mode, or go elsewhere")
        raise


def _fail(message: str) -> NoReturn:
    print(f"{Path(sys.argv[0]).name}: error: {message}", file=sys.stderr)
    sys.exit(1)
