"""Detection cost of ASVspoof 5, track 1: minDCF and actDCF.

    DCF(t) = [C_miss (1 - p) P_miss(t) + C_fa p P_fa(t)] / min(C_miss (1 - p), C_fa p)

with p the prior of a spoof. 1 is the cost of the better of "accept all" and "reject all". minDCF
is the minimum over all thresholds. actDCF reads the scores as log-likelihood ratios in nats and
takes their Bayes threshold, -ln[C_miss (1 - p) / (C_fa p)]. It depends on calibration: an affine
change of the scores changes it.

Source: X. Wang et al., "ASVspoof 5: Crowdsourced speech data, deepfakes, and adversarial attacks at
scale", ASVspoof workshop 2024. Both are without unit.
"""

from dataclasses import dataclass
from math import inf, log

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.det import check_scores, operating_points


@dataclass(frozen=True)
class DcfCosts:
    """Prior and costs; the defaults are those of ASVspoof 5, track 1.

    Attributes:
        p_spoof: prior of a spoofed trial, in (0, 1).
        c_miss: cost of a rejected bona fide trial.
        c_fa: cost of an accepted spoofed trial.

    Raises:
        ValueError: the prior is not in (0, 1) or a cost is not positive.
    """

    p_spoof: float = 0.05
    c_miss: float = 1.0
    c_fa: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.p_spoof < 1:
            raise ValueError(f"p_spoof must lie between 0 and 1, not {self.p_spoof}")
        if not all(0 < cost < inf for cost in (self.c_miss, self.c_fa)):
            raise ValueError(f"costs must be positive, not {self.c_miss} and {self.c_fa}")

    @property
    def weights(self) -> tuple[float, float]:
        """Weights of P_miss and P_fa."""
        return self.c_miss * (1 - self.p_spoof), self.c_fa * self.p_spoof

    @property
    def bayes_threshold(self) -> float:
        """The threshold, in nats, at which calibrated scores have the least cost."""
        miss_weight, fa_weight = self.weights
        return -log(miss_weight / fa_weight)

    def normalised(self, p_miss: ArrayLike, p_fa: ArrayLike) -> np.ndarray:
        """Normalised cost of error rates of any shape; the cost has the same shape."""
        miss_weight, fa_weight = self.weights
        cost = miss_weight * np.asarray(p_miss) + fa_weight * np.asarray(p_fa)
        return cost / min(miss_weight, fa_weight)


ASVSPOOF5 = DcfCosts()


def min_dcf(bonafide: ArrayLike, spoof: ArrayLike, costs: DcfCosts = ASVSPOOF5) -> float:
    """Minimum normalised DCF over all thresholds, from 0 to 1.

    Args:
        bonafide: (N_b,) scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) scores of spoofed trials.
        costs: prior and costs.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    points = operating_points(bonafide, spoof)
    return float(costs.normalised(points.miss_rate, points.false_alarm_rate).min())


def act_dcf(bonafide: ArrayLike, spoof: ArrayLike, costs: DcfCosts = ASVSPOOF5) -> float:
    """Normalised DCF at the Bayes threshold; a score equal to it is accepted.

    Meaningful only for scores that are calibrated log-likelihood ratios in nats.
    Arguments as for `min_dcf`.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    p_miss = np.mean(check_scores(bonafide, "bona fide") < costs.bayes_threshold)
    p_fa = np.mean(check_scores(spoof, "spoof") >= costs.bayes_threshold)
    return float(costs.normalised(p_miss, p_fa))
