"""`checkpoint.pt`: all that training needs to go on where it was."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from fad.errors import FadError
from fad.files import atomic_path

CHECKPOINT = "checkpoint.pt"


@dataclass
class Progress:
    """Where training is.

    Attributes:
        epoch: epochs done.
        step: optimiser steps done.
        best: the best epoch so far: epoch, dev_eer (a fraction), dev_loss.
        history: one entry an epoch: the same numbers, train_loss and seconds.
        peak_memory_mb: the most that a process of this run has taken, in MiB.
        finished: whether training has come to its end.
    """

    epoch: int = 0
    step: int = 0
    best: dict[str, Any] | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    peak_memory_mb: float = 0.0
    finished: bool = False

    def is_best(self, dev_eer: float, dev_loss: float) -> bool:
        """Whether a dev EER is the lowest yet; ties are broken by dev loss."""
        if self.best is None:
            return True
        return (dev_eer, dev_loss) < (self.best["dev_eer"], self.best["dev_loss"])


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
