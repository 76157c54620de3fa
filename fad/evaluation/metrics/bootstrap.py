"""Confidence interval of the EER by the bootstrap.

A bootstrap sample takes whole resampling units (`fad.evaluation.metrics.bootstrap_units`) with
replacement. The interval is the percentile interval of the EERs of many bootstrap samples, made
wider for few units: on the probit scale, in which the EER of normal scores is nearly normal, its
ends go away from the EER by the factor

    t(n - 1) / z * sqrt(n / (n - 1))

of the quantiles of Student's and of the normal distribution, where n is the number of units of the
class that has fewer. `python -m tests.bench.coverage` prints how often it holds the true EER.

A bootstrap sample cannot have an error if the trials have none: an EER of 0 % has the interval 0 to
0 % whatever the number of trials.

Sources: B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993, chapter 13. The
factor: T. Hesterberg, "What teachers should know about the bootstrap", 2015, section 5.3 (expanded
percentile interval).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.attack_units import CrossedUnits, cross_with_attacks
from fad.evaluation.metrics.bootstrap_eer import bootstrap_eers
from fad.evaluation.metrics.bootstrap_units import choose_resampling_units
from fad.evaluation.metrics.det import check_scores
from fad.evaluation.metrics.eer import eer


@dataclass(frozen=True)
class Interval:
    """An interval of an error rate, as fractions.

    Attributes:
        low: the lower end.
        high: the upper end.
        level: the confidence level.
        unit: the resampling unit, `speaker` or `trial`.
        num_units: number of these units.
        num_attacks: number of attacks, if these were drawn too.
    """

    low: float
    high: float
    level: float
    unit: str
    num_units: int
    num_attacks: int | None = None


def eer_interval(
    bonafide: ArrayLike,
    spoof: ArrayLike,
    bonafide_speakers: ArrayLike | None = None,
    spoof_speakers: ArrayLike | None = None,
    resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
    spoof_attacks: ArrayLike | None = None,
) -> Interval:
    """Expanded percentile interval of the EER.

    Args:
        bonafide: (N_b,) scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) scores of spoofed trials.
        bonafide_speakers: (N_b,) names, or None if the speakers are not known.
        spoof_speakers: (N_s,) names, or None.
        resamples: number of bootstrap samples.
        level: confidence level in (0, 1).
        seed: of the bootstrap; the same seed and trials give the same interval.
        spoof_attacks: (N_s,) names, to draw attacks as well, if there are 5 or more.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    bonafide = check_scores(bonafide, "bona fide")
    spoof = check_scores(spoof, "spoof")
    scores = np.concatenate([bonafide, spoof])
    is_bonafide = np.arange(scores.size) < bonafide.size
    known = bonafide_speakers is not None and spoof_speakers is not None
    speakers = np.concatenate([bonafide_speakers, spoof_speakers]) if known else None
    merge = spoof_attacks is None
    units = choose_resampling_units([scores], is_bonafide, speakers, merge)
    if spoof_attacks is not None:
        attacks = np.concatenate([np.full(bonafide.size, "-"), spoof_attacks])
        units = cross_with_attacks(units, is_bonafide, attacks)
    (rates,) = bootstrap_eers([scores], is_bonafide, units, resamples, seed)
    ends = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    low, high = _expand(ends, eer(bonafide, spoof)[0], units.widening(level))
    num_attacks = units.attacks if isinstance(units, CrossedUnits) else None
    return Interval(low, high, level, units.name, units.total, num_attacks)


def _expand(ends: np.ndarray, rate: float, factor: float) -> tuple[float, float]:
    """Moves the ends (2,) of an interval away from the rate between them."""
    from scipy.special import ndtr, ndtri

    if not 0 < rate < 1:
        return float(ends[0]), float(ends[1])
    centre = ndtri(rate)
    low, high = ndtr(centre + factor * (ndtri(ends) - centre))
    return float(low), float(high)
