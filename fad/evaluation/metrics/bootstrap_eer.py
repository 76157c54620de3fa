"""EERs of many bootstrap draws, found by bisection instead of by counting every trial.

A draw takes each unit of trials some number of times. With M_k rejected bona fide trials out of M
and R_k rejected spoofs out of R at operating point k (`fad.evaluation.metrics.det`), its EER stands
where

    D_k = P_miss(k) - P_fa(k) = M_k / M - 1 + R_k / R

is closest to 0. D rises from -1 to 1, so bisection finds the two points between which it changes
sign, and counts at about log2 K of the K points. A step counts the trials in the lower half of an
interval, for all draws that are in that interval at once; all steps of one draw together count as
many trials as there are. The result is that of counting every drawn trial at every point.
"""

from collections.abc import Sequence

import numpy as np

from fad.evaluation.metrics.bootstrap_units import Units
from fad.evaluation.metrics.det import operating_points


class DrawnTrials:
    """The trials of one class, each taken as often as its unit is.

    Args:
        below: (K + 1,) trials at or below each operating point.
        units: (N,) the unit of each trial, in the order of the scores.
        weights: (U, D) float, how often each of D draws takes each unit.

    Attributes:
        total: (D,) int, trials that each draw has.
    """

    def __init__(self, below: np.ndarray, units: np.ndarray, weights: np.ndarray) -> None:
        self._below, self._units, self._weights = below, units, weights
        self.total = self._count(0, units.size)

    def between(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """(D,) int, each draw's trials above its point `low` (D,) and not above `high` (D,).

        Two draws have the same interval or disjoint ones, as in a bisection.
        """
        counts = np.empty_like(self.total)
        starts, first = np.unique(low, return_index=True)
        for start, end in zip(starts, high[first], strict=True):
            draws = low == start
            counts[draws] = self._count(self._below[start], self._below[end])[draws]
        return counts

    def _count(self, start: int, end: int) -> np.ndarray:
        """(D,) int, drawn trials among those from `start` to before `end`."""
        units = self._units[start:end]
        if units.size < len(self._weights):
            found = self._weights[units].sum(axis=0)
        else:
            found = np.bincount(units, minlength=len(self._weights)) @ self._weights
        return found.astype(np.int64)


class DrawnEers:
    """The EERs of one system in any draw of units.

    Args:
        scores: (N,), higher is more bona fide.
        is_bonafide: (N,) bool.
        units: (N,) the unit of each trial, from 0.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """

    def __init__(self, scores: np.ndarray, is_bonafide: np.ndarray, units: np.ndarray) -> None:
        points = operating_points(scores[is_bonafide], scores[~is_bonafide])
        self._misses = points.misses
        self._rejected_spoofs = points.num_spoof - points.false_alarms
        self._bonafide, self._spoof = (
            units[mask][np.argsort(scores[mask])] for mask in (is_bonafide, ~is_bonafide)
        )

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """(D,) EERs, as `fad.evaluation.metrics.eer` defines them, of D draws of both classes.

        Args:
            weights: (U, D) float, how often each draw takes each unit.
        """
        bonafide = DrawnTrials(self._misses, self._bonafide, weights)
        spoof = DrawnTrials(self._rejected_spoofs, self._spoof, weights)

        def difference(point: np.ndarray) -> np.ndarray:
            """D in integers: rounding must not decide which point is closer."""
            return point[1] * spoof.total - (spoof.total - point[2]) * bonafide.total

        # (3, D): index of the point, rejected bona fide trials, rejected spoofs
        low = np.zeros((3, weights.shape[1]), dtype=np.int64)
        high = np.stack([low[0] + self._misses.size - 1, bonafide.total, spoof.total])
        while (high[0] - low[0] > 1).any():
            middle = (low + high) // 2
            middle[1] = low[1] + bonafide.between(low[0], middle[0])
            middle[2] = low[2] + spoof.between(low[0], middle[0])
            is_before = difference(middle) < 0
            low, high = np.where(is_before, middle, low), np.where(is_before, high, middle)
        _, misses, rejected = np.where(-difference(low) <= difference(high), low, high)
        return (misses / bonafide.total + (spoof.total - rejected) / spoof.total) / 2


def drawn_eers(
    systems: Sequence[np.ndarray],
    is_bonafide: np.ndarray,
    units: Units,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """(S, B) EERs of S systems in the same B draws.

    Args:
        systems: each system's scores (N,), higher is more bona fide.
        is_bonafide: (N,) bool.
        units: what is drawn, chosen for these systems.
        resamples: number of draws B.
        seed: of the draws.
    """
    kept = is_bonafide[units.trials]
    eers = [DrawnEers(scores[units.trials], kept, units.numbers) for scores in systems]
    drawn = units.draw(np.random.default_rng(seed), resamples)
    return np.concatenate([[rate(weights) for rate in eers] for weights in drawn], axis=1)
