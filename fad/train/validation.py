"""The dev set after an epoch: EER and loss."""

import numpy as np
import torch
from torch import nn

from fad.config.train import TrainSettings
from fad.data.batches import Source
from fad.evaluation.metrics.eer import eer
from fad.inference.scoring import log_ratio, predict
from fad.models.detector import Detector
from fad.train.world import World
from fad.utils.errors import FadError

_NAMED = 5


def validate(
    detector: Detector,
    loss: nn.Module,
    source: Source,
    labels: torch.Tensor,
    settings: TrainSettings,
    device: torch.device,
    world: World,
) -> tuple[float, float]:
    """Scores a set, each process its share, in the precision of training.

    Args:
        labels: classes (N,) of the utterances of `source`, on `device`.

    Returns:
        EER as a fraction, and the weighted mean of the loss; the same in all processes.

    Raises:
        FadError: a score is not finite; the first few utterances are named.
    """
    own = list(range(world.rank, len(source.utts), world.size))
    logits = torch.zeros(len(source.utts), 2, device=device)
    found = predict(
        detector,
        source,
        own,
        device,
        settings.precision,
        settings.num_workers,
        desc="dev",
    )
    logits[own] = torch.from_numpy(found).to(device)
    logits = world.sum(logits)  # each row has one summand that is not zero
    _check_finite(logits.cpu().numpy(), source)
    mean = loss(logits, labels).sum() / loss.weight_of(labels).sum()
    scores, bonafide = log_ratio(logits.cpu().numpy()), labels.cpu().numpy() == 1
    dev_eer, _ = eer(scores[bonafide], scores[~bonafide])
    return dev_eer, mean.item()


def _check_finite(logits: np.ndarray, source: Source) -> None:
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(bad):
        names = ", ".join(source.utts[index] for index in bad[:_NAMED])
        raise FadError(
            f"{len(bad)} of {len(logits)} dev scores are not finite, first: {names}; look at "
            "those clips, lower train.lr, or set train.precision=fp32"
        )
