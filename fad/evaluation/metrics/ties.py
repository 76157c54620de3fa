"""Trials of equal score where the error rates cross: how far the EER depends on their order.

No threshold separates trials of equal score, so `fad.evaluation.metrics.eer` takes them as one
step. The organisers' program takes them one by one, the bona fide ones first, as its sorting leaves
them, and so finds points that no threshold reaches. Where no two trials of both classes share the
score of the crossing, both give the same value.

Source: `compute_eer` of the evaluation package of ASVspoof 5 (Wang et al., "ASVspoof 5:
Crowdsourced speech data, deepfakes, and adversarial attacks at scale", 2024).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.det import operating_points
from fad.evaluation.metrics.eer import closest_point


@dataclass(frozen=True)
class Tie:
    """Trials of both classes with the score at which the error rates cross.

    Attributes:
        score: theirs.
        trials: their number.
        share: the same as a fraction of all trials.
        low: the EER if each spoof were below each bona fide trial of the tie, as a fraction.
        high: the EER in the opposite order.
    """

    score: float
    trials: int
    share: float
    low: float
    high: float


def eer_organisers(bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """The EER as a fraction, by the procedure of the organisers' program.

    Args:
        bonafide: (N_b,) scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) scores of spoofed trials.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    return _eer_one_by_one(np.asarray(bonafide), np.asarray(spoof), bonafide_first=True)


def tie_at_crossing(bonafide: ArrayLike, spoof: ArrayLike) -> Tie | None:
    """The tie that the EER depends on; None if there is none.

    Args:
        bonafide: (N_b,) scores of bona fide trials.
        spoof: (N_s,) scores of spoofed trials.

    Raises:
        ValueError: as `eer_organisers`.
    """
    bonafide, spoof = np.asarray(bonafide), np.asarray(spoof)
    points = operating_points(bonafide, spoof)
    # The first point with at least as many misses as false alarms, by rate; in whole numbers.
    gap = points.misses * points.num_spoof - points.false_alarms * points.num_bonafide
    step = int(np.argmax(gap >= 0))
    misses, false_alarms = np.diff(points.misses)[step - 1], -np.diff(points.false_alarms)[step - 1]
    if not (misses and false_alarms) or gap[step] == 0:  # all orders end where the rates are equal
        return None
    trials = int(misses + false_alarms)
    return Tie(
        score=float(np.unique(np.concatenate([bonafide, spoof]))[step - 1]),
        trials=trials,
        share=trials / (bonafide.size + spoof.size),
        low=_eer_one_by_one(bonafide, spoof, bonafide_first=False),
        high=_eer_one_by_one(bonafide, spoof, bonafide_first=True),
    )


def _eer_one_by_one(bonafide: np.ndarray, spoof: np.ndarray, bonafide_first: bool) -> float:
    """The EER of trials sorted by score, those of equal score by class, each a step of its own."""
    operating_points(bonafide, spoof)  # refuses what has no EER
    is_bonafide = np.repeat([True, False], [bonafide.size, spoof.size])
    scores = np.concatenate([bonafide, spoof])
    order = np.lexsort((is_bonafide ^ bonafide_first, scores))
    misses = np.concatenate([[0], np.cumsum(is_bonafide[order])])
    false_alarms = spoof.size - np.concatenate([[0], np.cumsum(~is_bonafide[order])])
    best = closest_point(misses, false_alarms, bonafide.size, spoof.size)
    return float(misses[best] / bonafide.size + false_alarms[best] / spoof.size) / 2
