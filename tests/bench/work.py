"""What a contender is given to do, and the training step that all of them take alike."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Step = Callable[[], object]


@dataclass(frozen=True)
class Work:
    """One step's size.

    Attributes:
        pretrained: a fairseq file, whose shape the rivals are given too.
        batch: clips in a step, all of one length.
        samples: in a clip, at 16 kHz.
        rank: of LoRA on query and value.
    """

    pretrained: str
    batch: int
    samples: int = 64_600
    rank: int = 8

    def wav(self) -> Tensor:
        """(B, S) float32 of noise."""
        return torch.randn(self.batch, self.samples)

    def lens(self) -> Tensor:
        """(B,) samples in each clip."""
        return torch.full((self.batch,), self.samples)


def training_step(logits: Callable[[], Tensor], parameters: Iterable[nn.Parameter]) -> Step:
    """A step of AdamW on what trains: both classes are in the batch.

    Args:
        logits: runs the model, (B, 2).
        parameters: those that do not ask for a gradient are left out.
    """
    trained = [value for value in parameters if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        found = logits()
        F.cross_entropy(found, torch.arange(len(found)) % 2).backward()
        optimizer.step()

    return step


def scoring_step(forward: Callable[[], object]) -> Step:
    """A pass without gradients."""
    return torch.no_grad()(forward)
