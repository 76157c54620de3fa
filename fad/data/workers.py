"""Batches by data workers that outlive a signal to stop: their parent ends its step, and saves."""

import signal
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)  # which Slurm sends to all processes of a job


class Loader(DataLoader):
    """Batches of a dataset.

    Args:
        dataset: gives examples by their keys.
        batches: the keys of each batch.
        collate: makes a batch of examples.
        num_workers: processes that read; 0 reads in this one.
    """

    def __init__(
        self,
        dataset: Dataset,
        batches: Iterable[list],
        collate: Callable[[list], Any],
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
        """Starts the workers; signals wait, since they would end one that is not ready."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            return super().__iter__()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore_signals(_worker: int) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
