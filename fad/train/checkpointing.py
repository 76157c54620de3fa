"""`checkpoint.pt`: all that training needs to go on where it was."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from fad.utils.errors import FadError
from fad.utils.files import atomic_path

# What makes an epoch better than another, by the words of `train.select`: the least is the best.
RANKS: dict[str, Callable[[dict[str, Any]], tuple[float, ...]]] = {
    "dev_eer": lambda epoch: (epoch["dev_eer"], epoch["dev_loss"]),
    "dev_loss": lambda epoch: (epoch["dev_loss"], epoch["dev_eer"]),
    "train_loss": lambda epoch: (epoch["train_loss"],),
    "last": lambda epoch: (-epoch["epoch"],),
}


@dataclass
class Progress:
    """Where training is.

    Attributes:
        select: by what the best epoch is chosen, as `train.select` says.
        epoch: epochs done.
        step: optimizer steps done, in all epochs.
        losses: of the steps done in the epoch that is not done yet.
        seconds: what these took.
        best: the best epoch so far: epoch, dev_eer (a fraction), dev_loss.
        history: one entry an epoch: the same numbers, train_loss, seconds, and where it was run.
        peak_memory_mb: the most that a process of this run has taken, in MiB.
        average: the epochs whose mean was kept at the end, with its dev_eer and dev_loss.
        finished: whether training has come to its end.
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
        """Counts an epoch whose steps are all done, and tells whether it is the best so far.

        Args:
            place: where it was run, of `fad.utils.devices`.
            complete: whether the model is what its method promises; else it cannot be the best.
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
        """The numbers of the best epochs so far, best first; a tie is the earlier epoch's."""
        complete = [epoch for epoch in self.history if epoch["complete"]]
        ranked = sorted(complete, key=RANKS[self.select])
        return [epoch["epoch"] for epoch in ranked[:count]]


def save_checkpoint(path: Path, progress: Progress, states: dict[str, Any]) -> None:
    """Writes the progress and the given state dicts atomically."""
    with atomic_path(path) as part:
        torch.save({"progress": asdict(progress), **states}, part)


def load_checkpoint(path: Path) -> tuple[Progress, dict[str, Any]]:
    """Reads `save_checkpoint`'s file.

    Raises:
        FadError: it is damaged.
    """
    try:
        states = torch.load(path, map_location="cpu", weights_only=True)
        return Progress(**states.pop("progress")), states
    except Exception as error:  # a damaged file makes torch raise almost anything
        reason = " ".join(str(error).split())[:200]
        raise FadError(
            f"{path}: damaged; remove it to train this experiment anew: {reason}"
        ) from None
