"""Signals that stop training: it saves first, and the same command resumes it later.

Schedulers send SIGTERM before they take a machine away (preemption, `scancel`, the time limit), or
another signal such as SIGUSR1 some time before.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class Stopped(SystemExit):
    """Exits with SIGTERM's code after saving."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


class StopSignals:
    """Turns SIGTERM and SIGUSR1 into `Stopped`: at once, or at the end of `deferred` work.

    Attributes:
        asked: whether a signal has come. Later ones are ignored: torchrun and Slurm may both send
            one, and the first is already obeyed.
    """

    def __init__(self) -> None:
        self.asked = False
        self._deferring = False

    def __enter__(self) -> Self:
        self._before = [signal.signal(number, self._receive) for number in STOP_SIGNALS]
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in zip(STOP_SIGNALS, self._before, strict=True):
            signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """A context for work that must not be interrupted: a signal raises `Stopped` at its end.

        Raises:
            Stopped: a signal has come.
        """
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        if self.asked:
            raise Stopped

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        first, self.asked = not self.asked, True
        if first and not self._deferring:
            raise Stopped
