"""Data workers that ignore stop signals, so the parent can finish its step and save."""

import atexit
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch.utils.data import DataLoader, Dataset

from fad.data.parcels import Packing, Unpacking

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)  # Slurm sends these to all processes of a job


class Loader:
    """Loads the batches of a dataset.

    Args:
        dataset: maps a key to an example.
        batches: the keys of each batch.
        collate: makes a batch from examples.
        num_workers: processes that read; with 0 this process reads.
        pin_memory: for batches that go to a GPU.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        batches: Iterable[list[Any]],
        collate: Callable[[list[Any]], Any],
        num_workers: int,
        pin_memory: bool = False,
    ) -> None:
        self.dataset, self._unpacked = dataset, Unpacking()
        self.loader = DataLoader(
            dataset,
            batch_sampler=batches,
            collate_fn=Packing(collate),
            num_workers=num_workers,
            worker_init_fn=_ignore_signals,
            pin_memory=pin_memory,
        )

    def __iter__(self) -> Iterator[Any]:
        """Starts the workers; signals are blocked meanwhile, since one would kill a new worker."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            return map(self._unpacked, iter(self.loader))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore_signals(_worker: int) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@atexit.register
def _end_workers() -> None:
    """Ends workers that are left at exit: they ignore SIGTERM, and Python would wait for them."""
    for child in multiprocessing.active_children():
        if child.daemon:
            child.kill()
