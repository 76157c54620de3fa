"""`checkpoint.pt`: all that training needs to go on where it was."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from fad.utils.errors import FadError
from fad.utils.files import atomic_path

CHECKPOINT = "checkpoint.pt"


@dataclass
class Progress:
    """Where training is.

    Attributes:
        epoch: epochs done.
        step: optimiser steps done, in all epochs.
        losses: of the steps done in the epoch that is not done yet.
        seconds: what these took.
        best: the best epoch so far: epoch, dev_eer (a fraction), dev_loss.
        history: one entry an epoch: the same numbers, train_loss, seconds, and where it was run.
        peak_memory_mb: the most that a process of this run has taken, in MiB.
        finished: whether training has come to its end.
    """

    epoch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    best: dict[str, Any] | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    peak_memory_mb: float = 0.0
    finished: bool = False

    def end_epoch(
        self, dev_eer: float, dev_loss: float, peak_memory_mb: float, place: dict[str, Any]
    ) -> None:
        """Counts an epoch whose steps are all done; `place` is of `fad.utils.devices`."""
        self.epoch += 1
        found = {"epoch": self.epoch, "dev_eer": dev_eer, "dev_loss": dev_loss}
        train_loss = math.fsum(self.losses) / len(self.losses)
        took = {"train_loss": train_loss, "seconds": self.seconds}
        self.history.append({**found, **took, **place})
        self.peak_memory_mb = max(self.peak_memory_mb, peak_memory_mb)
        self.losses, self.seconds = [], 0.0

    def compare_with_best(self) -> bool:
        """Makes the epoch that has ended the best if it is, and says so.

        The best has the lowest dev EER; ties are broken by dev loss.
        """
        found = {key: self.history[-1][key] for key in ("epoch", "dev_eer", "dev_loss")}
        best = self.best
        if best is None or _rank(found) < _rank(best):
            self.best = found
            return True
        return False


def _rank(epoch: dict[str, Any]) -> tuple[float, float]:
    return epoch["dev_eer"], epoch["dev_loss"]


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
