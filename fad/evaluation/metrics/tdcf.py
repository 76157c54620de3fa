"""Tandem detection cost, min t-DCF, of a countermeasure (CM) before a speaker verifier (ASV).

The ASV system is fixed at the threshold t_asv of its own EER (targets against non-targets):

    P_fa,asv         = #{non-target scores >= t_asv} / N_non
    P_miss,asv       = #{target scores < t_asv} / N_tar
    P_miss,spoof,asv = #{spoof scores < t_asv} / N_spoof

ASVspoof 2019 ("legacy"; Kinnunen et al., "t-DCF: a detection cost function for the tandem
assessment of spoofing countermeasures and automatic speaker verification", Odyssey 2018):

    C1 = P_tar (C_miss,cm - C_miss,asv P_miss,asv) - P_non C_fa,asv P_fa,asv
    C2 = C_fa,cm P_spoof (1 - P_miss,spoof,asv)
    t-DCF(t) = [C1 P_miss,cm(t) + C2 P_fa,cm(t)] / min(C1, C2)

ASVspoof 2021 ("revised"; Kinnunen et al., "Tandem assessment of spoofing countermeasures and
automatic speaker verification: fundamentals", IEEE/ACM TASLP 28, 2020):

    C0 = P_tar C_miss P_miss,asv + P_non C_fa P_fa,asv
    C1 = P_tar C_miss - C0
    C2 = P_spoof C_fa,spoof (1 - P_miss,spoof,asv)
    t-DCF(t) = [C0 + C1 P_miss,cm(t) + C2 P_fa,cm(t)] / [C0 + min(C1, C2)]

The minimum is over all CM thresholds. Both costs are without unit; 1 is the cost of a CM that
accepts all or rejects all. They depend on the ASV system: compare values only for the same ASV
scores. The 2019 form scales away the floor C0 that the ASV errors set, so never compare the two
forms with each other.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.det import check_scores, operating_points
from fad.evaluation.metrics.eer import eer


@dataclass(frozen=True)
class AsvRates:
    """Error rates of an ASV system at the threshold of its EER, as fractions.

    Attributes:
        eer: EER of targets against non-targets.
        threshold: the threshold of that EER, in the unit of the ASV scores.
        p_fa: accepted non-targets.
        p_miss: rejected targets.
        p_miss_spoof: rejected spoofs.
    """

    eer: float
    threshold: float
    p_fa: float
    p_miss: float
    p_miss_spoof: float


@dataclass(frozen=True)
class TandemPriors:
    """Priors of the three kinds of trial, which sum to 1; the defaults are those of ASVspoof.

    Raises:
        ValueError: they do not sum to 1, or one is not in (0, 1).
    """

    p_spoof: float = 0.05
    p_tar: float = 0.95 * 0.99
    p_non: float = 0.95 * 0.01

    def __post_init__(self) -> None:
        priors = (self.p_spoof, self.p_tar, self.p_non)
        if not (all(prior > 0 for prior in priors) and abs(sum(priors) - 1) <= 1e-9):
            raise ValueError(f"the priors must be positive and sum to 1, not {priors}")


@dataclass(frozen=True)
class Costs2019(TandemPriors):
    """Priors and costs of the ASVspoof 2019 t-DCF."""

    c_miss_asv: float = 1.0
    c_fa_asv: float = 10.0
    c_miss_cm: float = 1.0
    c_fa_cm: float = 10.0


@dataclass(frozen=True)
class Costs2021(TandemPriors):
    """Priors and costs of the ASVspoof 2021 t-DCF."""

    c_miss: float = 1.0
    c_fa: float = 10.0
    c_fa_spoof: float = 10.0


ASVSPOOF2019 = Costs2019()
ASVSPOOF2021 = Costs2021()


def asv_rates(target: ArrayLike, nontarget: ArrayLike, spoof: ArrayLike) -> AsvRates:
    """Error rates of an ASV system at its own EER threshold.

    Args:
        target: (N_tar,) ASV scores of bona fide trials by the claimed speaker.
        nontarget: (N_non,) ASV scores of bona fide trials by someone else.
        spoof: (N_spoof,) ASV scores of spoofed trials.

    Raises:
        ValueError: a kind of trial is missing, or a score is NaN or infinite.
    """
    target = check_scores(target, "ASV target")
    nontarget = check_scores(nontarget, "ASV non-target")
    spoof = check_scores(spoof, "ASV spoof")
    rate, threshold = eer(target, nontarget)
    return AsvRates(
        eer=rate,
        threshold=threshold,
        p_fa=float(np.mean(nontarget >= threshold)),
        p_miss=float(np.mean(target < threshold)),
        p_miss_spoof=float(np.mean(spoof < threshold)),
    )


def _min_tandem_cost(
    bonafide: ArrayLike, spoof: ArrayLike, floor: float, miss_weight: float, fa_weight: float
) -> float:
    """Minimum over thresholds of (C0 + C1 P_miss + C2 P_fa) / (C0 + min(C1, C2))."""
    if min(miss_weight, fa_weight) <= 0:
        raise ValueError(
            f"the t-DCF is not defined for this ASV system: C1 = {miss_weight:g} and "
            f"C2 = {fa_weight:g}, both must be positive (are the ASV scores inverted?)"
        )
    points = operating_points(bonafide, spoof)
    cost = floor + miss_weight * points.miss_rate + fa_weight * points.false_alarm_rate
    return float(cost.min() / (floor + min(miss_weight, fa_weight)))


def min_tdcf_2019(
    bonafide: ArrayLike, spoof: ArrayLike, asv: AsvRates, costs: Costs2019 = ASVSPOOF2019
) -> float:
    """Minimum normalised t-DCF of ASVspoof 2019 (legacy), from 0 to 1.

    Args:
        bonafide: (N_b,) CM scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) CM scores of spoofed trials.
        asv: the fixed ASV system.
        costs: priors and costs.

    Raises:
        ValueError: bad scores (see `operating_points`), or the ASV system is so poor that a weight
            is not positive.
    """
    asv_cost = costs.p_non * costs.c_fa_asv * asv.p_fa
    miss_weight = costs.p_tar * (costs.c_miss_cm - costs.c_miss_asv * asv.p_miss) - asv_cost
    fa_weight = costs.c_fa_cm * costs.p_spoof * (1 - asv.p_miss_spoof)
    return _min_tandem_cost(bonafide, spoof, 0.0, miss_weight, fa_weight)


def min_tdcf_2021(
    bonafide: ArrayLike, spoof: ArrayLike, asv: AsvRates, costs: Costs2021 = ASVSPOOF2021
) -> float:
    """Minimum normalised t-DCF of ASVspoof 2021 (revised), from C0 / (C0 + min(C1, C2)) to 1.

    Arguments and errors as for `min_tdcf_2019`.
    """
    floor = costs.p_tar * costs.c_miss * asv.p_miss + costs.p_non * costs.c_fa * asv.p_fa
    miss_weight = costs.p_tar * costs.c_miss - floor
    fa_weight = costs.p_spoof * costs.c_fa_spoof * (1 - asv.p_miss_spoof)
    return _min_tandem_cost(bonafide, spoof, floor, miss_weight, fa_weight)
