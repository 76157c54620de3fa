"""EERs of many bootstrap samples, found by bisection instead of by counting every trial.

A bootstrap sample takes each resampling unit some number of times. With M_k rejected bona fide
trials out of M and R_k rejected spoofs out of R at operating point k
(`fad.evaluation.metrics.det`), the EER of the sample is where

    D_k = P_miss(k) - P_fa(k) = M_k / M - 1 + R_k / R

is closest to 0. D rises from -1 to 1, so bisection finds the two points between which it changes
sign, and counts at about log2 K of the K points. A step counts the trials in the lower half of an
interval, for all samples in that interval at once; together, the steps of one sample count each
trial once. The result is the same as counting every trial of the sample at every point.
"""

from collections.abc import Sequence

import numpy as np

from fad.evaluation.metrics.bootstrap_units import ResamplingUnits
from fad.evaluation.metrics.det import operating_points


class ResampledTrials:
    """The trials of one class in D bootstrap samples.

    Args:
        below: (K + 1,) trials at or below each operating point.
        units: (N,) int, the unit of each trial, in the order of the scores.
        weights: (U, D) float, how often each sample takes each unit.

    Attributes:
        total: (D,) int, trials in each sample.
    """

    def __init__(self, below: np.ndarray, units: np.ndarray, weights: np.ndarray) -> None:
        self._below, self._units, self._weights = below, units, weights
        self.total = self._count(0, units.size)

    def between(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Counts each sample's trials above its point `low` (D,) and not above `high` (D,).

        Two samples must have the same interval or disjoint ones, as in a bisection.

        Returns:
            (D,) int.
        """
        counts = np.empty_like(self.total)
        starts, first = np.unique(low, return_index=True)
        for start, end in zip(starts, high[first], strict=True):
            samples = low == start
            counts[samples] = self._count(self._below[start], self._below[end])[samples]
        return counts

    def _count(self, start: int, end: int) -> np.ndarray:
        """(D,) int, each sample's trials among those from `start` to before `end`."""
        units = self._units[start:end]
        if units.size < len(self._weights):
            found = self._weights[units].sum(axis=0)
        else:
            found = np.bincount(units, minlength=len(self._weights)) @ self._weights
        return found.astype(np.int64)


class ResampledEers:
    """The EERs of one system in any bootstrap samples.

    Args:
        scores: (N,) float, higher is more bona fide.
        is_bonafide: (N,) bool.
        units: (N,) int, the unit of each trial, from 0.

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
        """The EERs of D bootstrap samples, as `fad.evaluation.metrics.eer` defines them.

        Args:
            weights: (U, D) float, how often each sample takes each unit; every sample must have
                trials of both classes.

        Returns:
            (D,) float, as fractions.
        """
        bonafide = ResampledTrials(self._misses, self._bonafide, weights)
        spoof = ResampledTrials(self._rejected_spoofs, self._spoof, weights)

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


def bootstrap_eers(
    systems: Sequence[np.ndarray],
    is_bonafide: np.ndarray,
    units: ResamplingUnits,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """EERs of S systems in the same B bootstrap samples.

    Args:
        systems: S vectors of scores (N,) float, higher is more bona fide.
        is_bonafide: (N,) bool.
        units: the resampling units, chosen for these systems.
        resamples: number of bootstrap samples B.
        seed: of the bootstrap.

    Returns:
        (S, B) float, as fractions.
    """
    kept = is_bonafide[units.trials]
    eers = [ResampledEers(scores[units.trials], kept, units.numbers) for scores in systems]
    samples = units.resample(np.random.default_rng(seed), resamples)
    return np.concatenate([[rate(weights) for rate in eers] for weights in samples], axis=1)
