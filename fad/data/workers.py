"""Data workers that ignore stop signals, so the parent can finish its step and save."""

import atexit
import logging
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

SHARED = "/dev/shm"  # where workers put their batches
PLENTY = 10**9  # bytes
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)  # Slurm sends these to all processes of a job

logger = logging.getLogger(__name__)


class Loader(DataLoader[Any]):
    """Loads the batches of a dataset.

    Args:
        dataset: maps a key to an example.
        batches: the keys of each batch.
        collate: makes a batch from examples.
        num_workers: processes that read; with 0, or without room in shared memory, this one reads.
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
        super().__init__(
            dataset,
            batch_sampler=batches,
            collate_fn=collate,
            num_workers=num_workers,
            worker_init_fn=_ignore_signals,
            pin_memory=pin_memory,
        )

    def __iter__(self) -> _BaseDataLoaderIter:
        """Starts the workers; signals are blocked meanwhile, since one would kill a new worker."""
        if self.num_workers and not self._fits():
            self.num_workers, self.prefetch_factor = 0, None
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            return super().__iter__()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _fits(self) -> bool:
        """Whether the batches that workers hold at a time fit into shared memory, with a margin.

        A worker that finds no room there prints a traceback, and who waits for it waits for ever.
        """
        room = room_in_shared_memory()
        if room is None or room > PLENTY:
            return True
        keys = next(iter(self.batch_sampler or ()), None)
        if keys is None:
            return True
        batch = size_of(self.collate_fn([self.dataset[key] for key in keys]))
        needed = 2 * batch * (2 * self.num_workers + 1)
        if needed <= room:
            return True
        logger.warning(
            "%s has room for %.1f MB, and %d workers may need %.1f MB: reading goes on without "
            "them, slower: enlarge it (a container takes --shm-size=1g), or set "
            "train.num_workers=0",
            *(SHARED, room / 1e6, self.num_workers, needed / 1e6),
        )
        return False


def room_in_shared_memory() -> int | None:
    """The bytes that a process may still put into shared memory; None if that is not known."""
    try:
        found = os.statvfs(SHARED)
    except OSError:
        return None
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    room = found.f_bavail * found.f_frsize
    return room if largest == resource.RLIM_INFINITY else min(room, largest)


def size_of(batch: Any) -> int:
    """The bytes of all tensors of a batch."""
    if isinstance(batch, torch.Tensor):
        return batch.nbytes
    parts = vars(batch).values() if hasattr(batch, "__dict__") else batch
    return sum(map(size_of, parts)) if isinstance(parts, Iterable) and parts is not batch else 0


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
