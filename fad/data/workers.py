"""Data workers that ignore stop signals, so the parent can finish its step and save."""

import atexit
import multiprocessing
import signal
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)  # Slurm sends these to all processes of a job


class Loader(DataLoader[Any]):
    """Loads the batches of a dataset.

    Args:
        dataset: maps a key to an example.
        batches: the keys of each batch.
        collate: makes a batch from examples.
        num_workers: processes that read; with 0 this process reads.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        batches: Iterable[list[Any]],
        collate: Callable[[list[Any]], Any],
        num_workers: int,
    ) -> None:
        super().__init__(
            dataset,
            batch_sampler=batches,
            collate_fn=collate,
            num_workers=num_workers,
            worker_init_fn=_ignore_signals,
            pin_memory=torch.cuda.is_available(),
        )

    def __iter__(self) -> _BaseDataLoaderIter:
        """Starts the workers; signals are blocked meanwhile, since one would kill a new worker."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            return super().__iter__()
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
