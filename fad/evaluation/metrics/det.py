"""Operating points of a detector, one for each threshold, and the axes of a DET plot.

A trial is accepted as bona fide if its score is above the threshold, `score > t`. With N_b bona
fide and N_s spoofed trials

    P_miss(t) = #{bona fide scores <= t} / N_b        (false rejection rate, FRR)
    P_fa(t)   = #{spoof scores > t} / N_s             (false acceptance rate, FAR)

Ties: no threshold separates trials of equal score, so a group of equal scores is one step and has
one operating point. (Programs that step through tied trials one by one report points that no
threshold reaches: for constant scores they find an EER of 0 or 100 %; here it is 50 %.)

Source: A. Martin et al., "The DET curve in assessment of detection task performance", Eurospeech
1997. Rates are fractions from 0 to 1.
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike

LARGEST = 1e300
"""The largest absolute value of a score."""


@dataclass(frozen=True)
class OperatingPoints:
    """The K + 1 operating points of K distinct scores, by rising threshold.

    The first accepts every trial, the last rejects every trial.

    Attributes:
        misses: (K + 1,) int, rejected bona fide trials.
        false_alarms: (K + 1,) int, accepted spoofed trials.
        thresholds: (K + 1,) float, in the unit of the scores.
        num_bonafide: number of bona fide trials.
        num_spoof: number of spoofed trials.
    """

    misses: np.ndarray
    false_alarms: np.ndarray
    thresholds: np.ndarray
    num_bonafide: int
    num_spoof: int

    @property
    def miss_rate(self) -> np.ndarray:
        """(K + 1,) false rejection rates, rising from 0 to 1."""
        return self.misses / self.num_bonafide

    @property
    def false_alarm_rate(self) -> np.ndarray:
        """(K + 1,) false acceptance rates, falling from 1 to 0."""
        return self.false_alarms / self.num_spoof


def check_scores(scores: ArrayLike, name: str) -> np.ndarray:
    """Returns the scores as a vector (N,) float64.

    Raises:
        ValueError: there is no score, the scores are not a vector, or one is NaN, infinite or so
            large that a threshold beside it would be infinite.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1:
        raise ValueError(f"{name} scores must be a vector, not of shape {scores.shape}")
    if scores.size == 0:
        raise ValueError(f"there are no {name} scores: an error rate needs trials of both classes")
    bad = np.flatnonzero(~(np.abs(scores) <= LARGEST))
    if bad.size:
        raise ValueError(
            f"{bad.size} of {scores.size} {name} scores are not finite, or over {LARGEST:g}; "
            f"the first is {scores[bad[0]]} at index {bad[0]}"
        )
    return scores


def check_threshold(threshold: float) -> None:
    """Refuses a threshold that is not a finite number.

    Raises:
        ValueError: it is NaN or infinite.
    """
    if not isfinite(threshold):
        raise ValueError(f"the threshold must be a finite number, not {threshold}")


def tie_ends(sorted_scores: np.ndarray) -> np.ndarray:
    """Indices of the last trial of each group of equal scores.

    Args:
        sorted_scores: (N,) float, rising.

    Returns:
        (K,) int, rising.
    """
    return np.flatnonzero(np.append(sorted_scores[1:] != sorted_scores[:-1], True))


def operating_points(bonafide: ArrayLike, spoof: ArrayLike) -> OperatingPoints:
    """All operating points, in O(n log n).

    Args:
        bonafide: (N_b,) scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) scores of spoofed trials.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    bonafide = check_scores(bonafide, "bona fide")
    spoof = check_scores(spoof, "spoof")
    scores = np.concatenate([bonafide, spoof])
    order = np.argsort(scores)  # the order within a tie does not matter: a tie is one step
    scores = scores[order]
    ends = tie_ends(scores)
    rejected_bonafide = np.cumsum(order < bonafide.size)[ends]
    rejected_spoof = ends + 1 - rejected_bonafide
    below_all = np.nextafter(scores[0], -np.inf)
    return OperatingPoints(
        misses=np.concatenate([[0], rejected_bonafide]),
        false_alarms=np.concatenate([[spoof.size], spoof.size - rejected_spoof]),
        thresholds=np.concatenate([[below_all], scores[ends]]),
        num_bonafide=bonafide.size,
        num_spoof=spoof.size,
    )


def det_curve(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The DET curve without the points that lie on a straight run.

    The curve is a staircase, so its corners draw the same on any axes, and the picture of a million
    trials stays small.

    Args:
        bonafide: (N_b,) scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) scores of spoofed trials.

    Returns:
        False alarm rates (C,) falling and miss rates (C,) rising, as fractions.
    """
    points = operating_points(bonafide, spoof)
    moves = np.stack([np.diff(points.misses) > 0, np.diff(points.false_alarms) < 0])
    straight = (moves[:, 1:] == moves[:, :-1]).all(axis=0) & (moves[:, 1:].sum(axis=0) == 1)
    keep = np.concatenate([[True], ~straight, [True]])
    return points.false_alarm_rate[keep], points.miss_rate[keep]


def probit(rate: ArrayLike, floor: float = 1e-5) -> np.ndarray:
    """Places of rates on a DET axis: the quantile function of the normal distribution.

    Gaussian scores of equal variance give a straight line there. Rates outside [floor, 1 - floor]
    are moved to that edge, since 0 and 1 lie at infinity. The result has the shape of `rate`.
    """
    from scipy.special import ndtri  # takes longer to import than everything else in this file

    return ndtri(np.clip(rate, floor, 1 - floor))
