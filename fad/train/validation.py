"""The dev set after an epoch: EER and loss."""

from collections.abc import Sequence

import numpy as np
import torch

from fad.config.train import TrainSettings
from fad.data.batches import WholeUtterances
from fad.evaluation.metrics.eer import eer
from fad.inference.scoring import outputs
from fad.models.detector import Detector
from fad.train.world import World
from fad.utils.errors import FadError
from fad.utils.progress import progress

_NAMED = 5


def validate(
    detector: Detector,
    utterances: WholeUtterances,
    labels: torch.Tensor,
    settings: TrainSettings,
    world: World,
) -> tuple[float, float]:
    """Scores a set in the precision of training; each process scores its share.

    Args:
        detector: on its device.
        utterances: the N utterances of the set.
        labels: (N,) int64 classes of the utterances, on the detector's device.
        settings: the `train` part of the config.
        world: the processes that train together.

    Returns:
        The EER as a fraction and the weighted mean of the loss; the same in all processes.

    Raises:
        FadError: a score or a loss is not finite; the first few utterances are named.
    """
    own = range(world.rank, len(labels), world.size)
    scores, losses = _evaluate(detector, utterances, labels, own, settings)
    # In each element only one process has a value that is not zero.
    scores, losses = world.sum_patiently(torch.stack([scores, losses]))
    utts = utterances.source.utts
    _check_finite(torch.stack([scores, losses], dim=1).cpu().numpy(), utts)
    mean = losses.sum() / detector.loss.weight_of(labels).sum()
    found, bonafide = scores.cpu().numpy(), labels.cpu().numpy() == 1
    dev_eer, _ = eer(found[bonafide], found[~bonafide])
    return dev_eer, mean.item()


@torch.no_grad()
def _evaluate(
    detector: Detector,
    utterances: WholeUtterances,
    labels: torch.Tensor,
    indices: range,
    settings: TrainSettings,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (N,) and weighted losses (N,) float32; zero except at `indices`."""
    scores, losses = torch.zeros(2, len(labels), device=labels.device)
    batches = outputs(
        detector, utterances, indices, labels.device, settings.precision, settings.num_workers
    )
    with progress(total=len(indices), desc="dev", unit="utt", leave=False) as bar:
        for batch, embedding, logits in batches:
            at = batch.indices
            scores[at] = detector.loss.score(embedding, logits)
            losses[at] = detector.loss(embedding, logits, labels[at])
            bar.update(len(at))
    return scores, losses


def _check_finite(found: np.ndarray, utts: Sequence[str]) -> None:
    bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(bad):
        names = ", ".join(utts[index] for index in bad[:_NAMED])
        raise FadError(
            f"{len(bad)} of {len(found)} dev scores are not finite, first: {names}; look at "
            "those clips, lower train.lr, or set train.precision=fp32"
        )
