"""`checkpoint.pt`: the state to resume training."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from fad.utils.errors import FadError
from fad.utils.files import atomic_path
from fad.utils.memory import let_pass

# Sort keys of epochs, by the values of `train.select`: the smallest key is the best epoch.
RANKS: dict[str, Callable[[dict[str, Any]], tuple[float, ...]]] = {
    "dev_eer": lambda epoch: (epoch["dev_eer"], epoch["dev_loss"]),
    "dev_loss": lambda epoch: (epoch["dev_loss"], epoch["dev_eer"]),
    "train_loss": lambda epoch: (epoch["train_loss"],),
    "last": lambda epoch: (-epoch["epoch"],),
}


@dataclass
class Progress:
    """How far training is.

    Attributes:
        select: the criterion for the best epoch, from `train.select`.
        epoch: finished epochs.
        step: optimizer steps done, over all epochs.
        losses: of this epoch's steps so far.
        seconds: the time of these steps.
        best: the best epoch so far: epoch, dev_eer (a fraction), dev_loss.
        history: one entry for each epoch: the same numbers, train_loss, seconds, and where it ran.
        peak_memory_mb: the most memory of a process of this run, in MiB.
        average: the epochs whose mean was kept at the end, with its dev_eer and dev_loss.
        finished: whether training has ended.
    """

    select: str
    epoch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    best: dict[str, Any] | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    peak_memory_mb: float = 0.0
    average: dict[str, Any] | None = None
    finished: bool = False

    def end_epoch(
        self,
        dev_eer: float,
        dev_loss: float,
        peak_memory_mb: float,
        place: dict[str, Any],
        complete: bool = True,
    ) -> bool:
        """Ends an epoch after its last step; returns whether it is the best so far.

        Args:
            dev_eer: the EER on the dev set, a fraction.
            dev_loss: the loss on the dev set.
            peak_memory_mb: the most memory of this process so far, in MiB.
            place: where the epoch ran, from `fad.utils.devices`.
            complete: whether the method has reached its final form; else it cannot be the best.
        """
        self.epoch += 1
        found = {"epoch": self.epoch, "dev_eer": dev_eer, "dev_loss": dev_loss}
        train_loss = math.fsum(self.losses) / len(self.losses)
        took = {"train_loss": train_loss, "seconds": self.seconds, "complete": complete}
        self.history.append({**found, **took, **place})
        self.peak_memory_mb = max(self.peak_memory_mb, peak_memory_mb)
        self.losses, self.seconds = [], 0.0
        is_best = self.best_epochs(1) == [self.epoch]
        if is_best:
            self.best = found
        return is_best

    def best_epochs(self, count: int) -> list[int]:
        """The numbers of the best epochs so far, best first; in a tie the earlier epoch wins."""
        complete = [epoch for epoch in self.history if epoch["complete"]]
        ranked = sorted(complete, key=RANKS[self.select])
        return [epoch["epoch"] for epoch in ranked[:count]]


def save_checkpoint(path: Path, progress: Progress, states: dict[str, Any]) -> None:
    """Writes the progress and the given state dicts atomically."""
    with atomic_path(path) as part:
        torch.save({"progress": asdict(progress), **states}, part)


def load_checkpoint(path: Path) -> tuple[Progress, dict[str, Any]]:
    """Reads a file of `save_checkpoint`.

    Raises:
        FadError: the file is damaged.
    """
    try:
        states = torch.load(path, map_location="cpu", weights_only=True)
        return Progress(**states.pop("progress")), states
    except Exception as error:  # a damaged file makes torch raise almost anything
        let_pass(error)
        reason = " ".join(str(error).split())[:200]
        raise FadError(
            f"{path}: damaged; remove it to train this experiment anew: {reason}"
        ) from None


@contextmanager
def only_this_training(path: Path) -> Iterator[None]:
    """Names the checkpoint where its states do not fit; a device without room is no such fault.

    Raises:
        FadError: the state is that of another training.
    """
    try:
        yield
    except torch.AcceleratorError:  # a device that fails
        raise
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        let_pass(error)
        raise FadError(
            f"{path}: not the state of this training; remove it to train anew: {error!r:.100}"
        ) from None
