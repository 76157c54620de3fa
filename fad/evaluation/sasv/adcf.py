"""Architecture-agnostic detection cost, a-DCF, of spoofing-robust speaker verification.

One score decides a trial; a tandem, a fusion or one network may have made it. With the error rates
of `fad.evaluation.sasv.operating_points`, the priors p of the three kinds of trial and the costs C

    a-DCF(t) = C_miss p_tar P_miss(t) + C_fa p_non P_fa(t) + C_fa,spoof p_spoof P_fa,spoof(t)

divided by min(C_miss p_tar, C_fa p_non + C_fa,spoof p_spoof): 1 is the cost of the better of
"reject all" and "accept all". The minimum over all thresholds is min a-DCF.

Source: H. Shim et al., "a-DCF: an architecture agnostic metric with application to spoofing-robust
speaker verification", Odyssey 2024; the evaluation package of ASVspoof 5, track 2. Without unit.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.det import check_scores, check_threshold
from fad.evaluation.metrics.tdcf import TandemPriors
from fad.evaluation.sasv.operating_points import verifier_points


@dataclass(frozen=True)
class AdcfCosts(TandemPriors):
    """Priors and costs; the defaults are those of ASVspoof 5, track 2.

    Attributes:
        p_spoof: prior of a spoofed trial.
        p_tar: prior of a target trial.
        p_non: prior of a non-target trial.
        c_miss: cost of a rejected target.
        c_fa: cost of an accepted non-target.
        c_fa_spoof: cost of an accepted spoof.

    Raises:
        ValueError: the priors do not sum to 1, one is not in (0, 1), or a cost is not positive.
    """

    p_spoof: float = 0.05
    p_tar: float = 0.9
    p_non: float = 0.05
    c_miss: float = 1.0
    c_fa: float = 10.0
    c_fa_spoof: float = 20.0

    def __post_init__(self) -> None:
        super().__post_init__()
        costs = (self.c_miss, self.c_fa, self.c_fa_spoof)
        if not all(0 < cost < inf for cost in costs):
            raise ValueError(f"costs must be positive, not {costs}")

    def normalised(self, p_miss: ArrayLike, p_fa: ArrayLike, p_fa_spoof: ArrayLike) -> np.ndarray:
        """Normalised cost of error rates of any shape; the cost has the same shape."""
        miss_weight = self.c_miss * self.p_tar
        fa_weight, spoof_weight = self.c_fa * self.p_non, self.c_fa_spoof * self.p_spoof
        cost = (
            miss_weight * np.asarray(p_miss)
            + fa_weight * np.asarray(p_fa)
            + spoof_weight * np.asarray(p_fa_spoof)
        )
        return cost / min(miss_weight, fa_weight + spoof_weight)


ASVSPOOF5_TRACK2 = AdcfCosts()


def min_adcf(
    target: ArrayLike, nontarget: ArrayLike, spoof: ArrayLike, costs: AdcfCosts = ASVSPOOF5_TRACK2
) -> tuple[float, float]:
    """Minimum normalised a-DCF over all thresholds, from 0 to 1, and its threshold.

    If several thresholds have the lowest cost, the lowest threshold counts.

    Args:
        target: (N_tar,) scores of bona fide trials by the claimed speaker, higher is more target.
        nontarget: (N_non,) scores of bona fide trials by someone else.
        spoof: (N_spoof,) scores of spoofed trials.
        costs: priors and costs.

    Raises:
        ValueError: a kind of trial is missing, or a score is NaN or infinite.
    """
    points = verifier_points(target, nontarget, spoof)
    cost = costs.normalised(
        points.miss_rate, points.false_alarm_rate, points.spoof_false_alarm_rate
    )
    best = int(np.argmin(cost))
    return float(cost[best]), float(points.thresholds[best])


def adcf_at(
    target: ArrayLike,
    nontarget: ArrayLike,
    spoof: ArrayLike,
    threshold: float,
    costs: AdcfCosts = ASVSPOOF5_TRACK2,
) -> float:
    """Normalised a-DCF at a threshold; a score equal to it is rejected.

    Arguments as for `min_adcf`.

    Raises:
        ValueError: a kind of trial is missing, or a score or the threshold is NaN or infinite.
    """
    check_threshold(threshold)
    p_miss = np.mean(check_scores(target, "target") <= threshold)
    p_fa = np.mean(check_scores(nontarget, "non-target") > threshold)
    p_fa_spoof = np.mean(check_scores(spoof, "spoof") > threshold)
    return float(costs.normalised(p_miss, p_fa, p_fa_spoof))
