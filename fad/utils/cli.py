"""Shared by all entry points: the log format, types of options, and errors as one line."""

import argparse
import errno
import io
import logging
import math
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from fad.utils.errors import FadError, innermost
from fad.utils.files import is_disk_full
from fad.utils.memory import explained, is_out_of_memory
from fad.utils.printable import printable

_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)

LOG_FORMAT = "%(asctime)s (%(module)s:%(lineno)d %(funcName)s) %(levelname)s: %(message)s"
_LINES = "\n\t"  # tracebacks have them


def is_follower() -> bool:
    """Whether this process is one of torchrun's but not the first, which writes for all."""
    # Only RANK may also come from an MPI job, whose processes do not work together here.
    return "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("RANK", "0") != "0"


class _Printable(logging.Formatter):
    """Escapes what a terminal would obey: names of files may come from strangers."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), _LINES)


def set_up_logging() -> None:
    """Logs to standard error with time, file, line and function; replaces a library's set-up."""
    level = logging.WARNING if is_follower() else logging.INFO
    logging.basicConfig(level=level, stream=sys.stderr, force=True)
    logging.getLogger().handlers[0].setFormatter(_Printable(LOG_FORMAT))


def set_up_output() -> None:
    """Lets standard output escape what its encoding lacks, as standard error does."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def parse_bool(text: str) -> bool:
    """An argparse type for `true` and `false`; it refuses anything else."""
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, not '{text}'")
    return text == "true"


def parse_natural(text: str) -> int:
    """An argparse type for whole numbers from 0."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, not '{text}'")
    return int(text)


def parse_finite(text: str) -> float:
    """An argparse type for numbers that are neither NaN nor infinite."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"expected a number, not '{text}'")
    return number


def parse_positive(text: str) -> float:
    """An argparse type for numbers over 0."""
    number = parse_finite(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"expected a number over 0, not '{text}'")
    return number


def parse_pairs(option: str, texts: Sequence[str], example: str) -> dict[str, str]:
    """Reads `NAME=VALUE` words into a dictionary, in their order.

    Raises:
        FadError: a word has no name or no value, or a name comes twice.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        name, _, value = (part.strip() for part in text.partition("="))
        if not name or not value:
            raise FadError(f"{option} '{text[:80]}': expected NAME=VALUE, such as {example}")
        if name in pairs:
            raise FadError(f"{option} gives '{name}' twice: give it once")
        pairs[name] = value
    return pairs


def run(main: Callable[[Sequence[str] | None], None]) -> None:
    """Runs an entry point's `main`; an error that a user can fix gives one line and exit code 1.

    Ctrl-C gives one line and exit code 130. If the reader of standard output has gone (`| head`),
    it prints nothing and the exit code is 1.
    """
    set_up_logging()
    set_up_output()
    threading.excepthook = report_thread
    try:
        main(None)
        sys.stdout.flush()
    except FadError as error:
        _fail(innermost(error))
    except KeyboardInterrupt:
        _fail("stopped by Ctrl-C; start the same command again to go on", code=130)
    except BrokenPipeError:
        sys.exit(1)
    except (MemoryError, OSError, RuntimeError) as error:
        message = _explained(error)
        if message is None:
            raise
        _fail(message)
    finally:
        _let_go_of_stdout()


def _explained(error: Exception) -> str | None:
    """One line for what a machine lacks: memory, room on a disk, rights; None for others."""
    if is_out_of_memory(error):
        return explained(error)
    if str(error).startswith("DataLoader worker (pid"):  # torch's words when one has died
        return (
            f"{str(error).splitlines()[0]} A process that reads data has died, mostly ended by the "
            "system for want of memory: lower train.num_workers, or give the job more memory, and "
            "start the same command again"
        )
    if not isinstance(error, OSError):
        return None
    if is_disk_full(error):
        return (
            f"{error.filename or 'what it writes'}: no room left (disk full, or over a quota): "
            "make room and start the same command again"
        )
    if error.errno in _FORBIDDEN:
        return f"{error.filename}: {error.strerror}: change its owner or mode, or go elsewhere"
    return None


def _fail(message: str, code: int = 1) -> NoReturn:
    print(f"{Path(sys.argv[0]).name}: error: {printable(message, _LINES)}", file=sys.stderr)
    sys.exit(code)


def report_thread(failure: threading.ExceptHookArgs) -> None:
    """Hides the error of a full disk in TensorBoard's thread: the main thread raises it too."""
    if not (failure.exc_value and is_disk_full(failure.exc_value)):
        threading.__excepthook__(failure)


def _let_go_of_stdout() -> None:
    """Drops output that nobody reads; otherwise Python would retry at its end and report it."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            sys.exit(1)
