"""Paired bootstrap test: do two systems differ in EER on the same trials?

B bootstrap samples are drawn (`fad.evaluation.metrics.bootstrap_units`), and both systems' EERs are
computed on the same trials of each sample. A hard sample is hard for both systems, so the
difference d = EER(A) - EER(B) varies less than two separate intervals suggest. The differences of
the samples go away from d on the trials themselves by the factor of few units
(`fad.evaluation.metrics.bootstrap`): without it, equal systems on 5 speakers a class differed at
p <= 0.05 in up to 13 % of simulations, with it in up to 5 %; it costs power.

    interval   from the k-th smallest to the k-th largest of d_1 ... d_B, k = (B + 1)(1 - level) / 2
    p-value    2 (1 + min(#{d_i <= 0}, #{d_i >= 0})) / (B + 1), at most 1

The p-value is two-sided, for the hypothesis d = 0. It inverts the interval: it is 1 minus the
largest level whose interval excludes 0. So p <= 0.05 if and only if 0 lies outside the 95 %
interval. (A p-value from samples shifted to d = 0 can contradict the interval.) A sample without a
difference counts on both sides, so identical systems have p = 1. The added 1 keeps p above 0, which
no finite number of samples can show.

The test is about the trials, not about the training: another seed of the same recipe may differ
more.

Sources: B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993, section 15.4 (a test
from an interval) and chapter 13 (the percentile interval); M. Bisani and H. Ney, "Bootstrap
estimates for confidence intervals in ASR performance evaluation", ICASSP 2004 (the same samples for
both systems; their probability of improvement is the share of d_i on one side); A. Davison and
D. Hinkley, "Bootstrap methods and their application", 1997, section 4.2 (the added 1); S. Holm, "A
simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.bootstrap import Interval
from fad.evaluation.metrics.bootstrap_eer import bootstrap_eers
from fad.evaluation.metrics.bootstrap_units import choose_resampling_units
from fad.evaluation.metrics.det import check_scores
from fad.evaluation.metrics.eer import eer

RESAMPLES = 1999
"""Bootstrap samples by default: p is a multiple of 0.001, and k of the 95 % interval is whole."""
_DECIMALS = 14  # rates are sums of two fractions: equal ones may differ in the last binary digit


@dataclass(frozen=True)
class PairedTest:
    """Two systems, by their indices in the list given.

    Attributes:
        first: index of system A.
        second: index of system B.
        difference: EER of A minus EER of B on the trials, as a fraction.
        interval: of that difference.
        p_value: two-sided, for a difference of 0, in (0, 1].
    """

    first: int
    second: int
    difference: float
    interval: Interval
    p_value: float


def paired_tests(
    systems: Sequence[ArrayLike],
    is_bonafide: ArrayLike,
    speakers: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
) -> list[PairedTest]:
    """Tests every pair of systems, on the same bootstrap samples.

    Args:
        systems: at least two vectors of scores (N,), higher is more bona fide.
        is_bonafide: (N,) bool, the same trials in the same order for every system.
        speakers: (N,) names, or None if they are not known.
        resamples: number of bootstrap samples B.
        level: confidence level in (0, 1).
        seed: of the bootstrap.

    Returns:
        The pairs (0, 1), (0, 2), ..., (1, 2), ...

    Raises:
        ValueError: fewer than two systems, different lengths, a class is empty, a score is NaN or
            infinite, or the samples are too few for an interval of this level.
    """
    is_bonafide = np.asarray(is_bonafide, dtype=bool)
    scores = [check_scores(system, f"system {place}") for place, system in enumerate(systems)]
    lengths = {vector.size for vector in scores} | {is_bonafide.size}
    if len(scores) < 2 or len(lengths) > 1:
        raise ValueError(
            f"a paired test needs two systems or more on the same trials: {len(scores)} systems, "
            f"{sorted(lengths)} trials"
        )
    rank = interval_rank(resamples, level)
    units = choose_resampling_units(scores, is_bonafide, speakers)
    eers = bootstrap_eers(scores, is_bonafide, units, resamples, seed)
    rates = [eer(vector[is_bonafide], vector[~is_bonafide])[0] for vector in scores]
    tests = []
    for first, second in combinations(range(len(scores)), 2):
        difference = round(rates[first] - rates[second], _DECIMALS)
        moved = units.widening(level) * (eers[first] - eers[second] - difference)
        differences = np.sort(np.round(difference + moved, _DECIMALS))
        low, high = float(differences[rank - 1]), float(differences[-rank])
        interval = Interval(low, high, level, units.name, units.total)
        tests.append(PairedTest(first, second, difference, interval, p_value(differences)))
    return tests


def interval_rank(resamples: int, level: float) -> int:
    """k: the interval ends at the k-th smallest and the k-th largest of the differences.

    Raises:
        ValueError: the level is not in (0, 1), or the bootstrap samples are too few for it.
    """
    if not 0 < level < 1:
        raise ValueError(f"a confidence level must lie between 0 and 1, not {level}")
    rank = int((resamples + 1) * (1 - level) / 2 + 1e-9)  # 1 - level is not exact
    if rank < 1:
        needed = int(np.ceil(2 / (1 - level) - 1e-9)) - 1
        raise ValueError(f"{resamples} resamples are too few: level {level:g} needs {needed}")
    return rank


def p_value(differences: np.ndarray) -> float:
    """Two-sided p-value of the hypothesis that the difference is 0.

    Args:
        differences: (B,) float, the difference in each bootstrap sample.
    """
    fewer = min(np.sum(differences <= 0), np.sum(differences >= 0))
    return min(1.0, float(2 * (1 + fewer) / (differences.size + 1)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values of several tests, so that the error rate holds for all of them together.

    With p-values in rising order p_1 ... p_m, the i-th becomes the largest of (m - j + 1) p_j over
    j <= i, at most 1: rejecting those <= a errs in any of the m tests with probability <= a.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    raised = np.maximum.accumulate(factors * np.asarray(p_values)[order])
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(raised, 1)
    return corrected.tolist()
