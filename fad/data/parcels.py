"""How a batch comes from a data worker: in shared memory, or through a pipe where that is full.

A worker of torch that finds no room in shared memory prints a traceback and goes on, and training
would wait for its batch for ever. A container often has only 64 MB.
"""

import logging
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils.data import get_worker_info

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parcel:
    """A batch as bytes, and the reason."""

    content: bytes
    reason: str


@dataclass(frozen=True)
class Packing:
    """Makes a batch of examples; in a worker, ready to be sent.

    Attributes:
        collate: makes the batch.
    """

    collate: Callable[[list[Any]], Any]

    def __call__(self, examples: list[Any]) -> Any:
        """The batch, in shared memory, or a `Parcel` of it."""
        batch = self.collate(examples)
        if get_worker_info() is None:
            return batch
        try:
            for tensor in _tensors(batch):
                tensor.share_memory_()
        except (OSError, RuntimeError) as error:
            return Parcel(pickle.dumps(batch), str(error).rpartition(": ")[2])
        return batch


class Unpacking:
    """Takes batches from workers; warns of the first that comes through a pipe."""

    def __init__(self) -> None:
        self._warned = False

    def __call__(self, batch: Any) -> Any:
        """The batch that a worker has sent."""
        if not isinstance(batch, Parcel):
            return batch
        if not self._warned:
            logger.warning(
                "no room in shared memory for the batches of data workers (%s): they come through "
                "a pipe, slower: enlarge /dev/shm (a container takes --shm-size=1g) or raise "
                "`ulimit -f`",
                batch.reason,
            )
        self._warned = True
        return pickle.loads(batch.content)


def _tensors(batch: Any) -> Iterator[Tensor]:
    """All tensors of a tensor, a list, or an object with tensors."""
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, list | tuple):
        for part in batch:
            yield from _tensors(part)
    elif hasattr(batch, "__dict__"):
        yield from _tensors(list(vars(batch).values()))
