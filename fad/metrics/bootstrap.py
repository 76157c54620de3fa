"""Confidence interval of the EER by the bootstrap.

Whole units are drawn with replacement and the EER of the drawn trials is taken, many times; the
interval is the percentile interval of those values. The unit is the speaker where speakers are
known, since the trials of one speaker are not independent and an interval over trials would then
be too narrow; else the trial. Drawing is done apart for units with bona fide trials only, with
spoofs only, and with both, so that every draw has both classes.

No draw can hold an error that the trials do not: an EER of 0 % has the interval 0 to 0 % whatever
the number of trials.

Source: B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993, chapters 8 and 13.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fad.metrics.det import check_scores, tie_ends
from fad.metrics.eer import closest_point

MIN_SPEAKERS = 5
"""With fewer speakers in a class there is no spread to measure: trials are drawn instead."""


@dataclass(frozen=True)
class Interval:
    """An interval of an error rate, as fractions.

    Attributes:
        low: its lower end.
        high: its upper end.
        level: the confidence level.
        unit: what was drawn, `speaker` or `trial`.
        num_units: how many of them there are.
    """

    low: float
    high: float
    level: float
    unit: str
    num_units: int


def _units(is_bonafide: np.ndarray, speakers: ArrayLike | None) -> tuple[str, np.ndarray]:
    """The name of the unit that is drawn and each trial's unit number (N,)."""
    trials = np.arange(is_bonafide.size)
    if speakers is None:
        return "trial", trials
    _, numbers = np.unique(np.asarray(speakers), return_inverse=True)
    fewest = min(np.unique(numbers[mask]).size for mask in (is_bonafide, ~is_bonafide))
    repeated = numbers.max() + 1 < numbers.size
    return ("speaker", numbers) if repeated and fewest >= MIN_SPEAKERS else ("trial", trials)


def _strata(units: np.ndarray, is_bonafide: np.ndarray) -> list[np.ndarray]:
    """Unit numbers with bona fide trials only, with spoofs only, with both; empty ones left out."""
    has_bonafide = np.bincount(units, weights=is_bonafide) > 0
    has_spoof = np.bincount(units, weights=~is_bonafide) > 0
    kinds = (has_bonafide & ~has_spoof, has_spoof & ~has_bonafide, has_bonafide & has_spoof)
    return [np.flatnonzero(kind) for kind in kinds if kind.any()]


def _weighted_eer(weights: np.ndarray, is_bonafide: np.ndarray, ends: np.ndarray) -> float:
    """EER of sorted trials, each counted as often as its weight (N,) says."""
    misses = np.cumsum(weights * is_bonafide)
    spoofs = np.cumsum(weights * ~is_bonafide)
    num_bonafide, num_spoof = int(misses[-1]), int(spoofs[-1])
    misses, false_alarms = misses[ends], num_spoof - spoofs[ends]
    best = closest_point(misses, false_alarms, num_bonafide, num_spoof)
    return (misses[best] / num_bonafide + false_alarms[best] / num_spoof) / 2


def eer_interval(
    bonafide: ArrayLike,
    spoof: ArrayLike,
    bonafide_speakers: ArrayLike | None = None,
    spoof_speakers: ArrayLike | None = None,
    resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of the EER.

    Args:
        bonafide: (N_b,) scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) scores of spoofed trials.
        bonafide_speakers: (N_b,) names, or None where speakers are not known.
        spoof_speakers: (N_s,) names, or None.
        resamples: number of draws.
        level: confidence level in (0, 1).
        seed: of the draws; the same seed and trials give the same interval.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    bonafide = check_scores(bonafide, "bona fide")
    spoof = check_scores(spoof, "spoof")
    scores = np.concatenate([bonafide, spoof])
    is_bonafide = np.arange(scores.size) < bonafide.size
    known = bonafide_speakers is not None and spoof_speakers is not None
    speakers = np.concatenate([bonafide_speakers, spoof_speakers]) if known else None
    unit, units = _units(is_bonafide, speakers)
    strata = _strata(units, is_bonafide)

    order = np.argsort(scores, kind="stable")
    ends = tie_ends(scores[order])
    units, is_bonafide = units[order], is_bonafide[order]
    num_units = int(units.max()) + 1
    rng = np.random.default_rng(seed)
    rates = np.empty(resamples)
    for draw in range(resamples):
        drawn = [members[rng.integers(members.size, size=members.size)] for members in strata]
        counts = np.bincount(np.concatenate(drawn), minlength=num_units)
        rates[draw] = _weighted_eer(counts[units], is_bonafide, ends)
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, unit, num_units)
