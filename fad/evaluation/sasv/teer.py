"""Concurrent tandem EER (t-EER) of a countermeasure (CM) and a speaker verifier (ASV).

It has no parameters. The tandem accepts a trial if the CM accepts it (its score > t_cm) and the ASV
accepts it (its score > t_asv). The errors of the two are taken as independent given the kind of
trial, so

    P_miss,tdm     = 1 - (1 - P_miss,cm) (1 - P_miss,asv)        targets
    P_fa,tdm       = (1 - P_miss,cm) P_fa,asv                    non-targets
    P_fa,spoof,tdm = P_fa,cm P_fa,spoof,asv                      spoofs

with the CM's P_miss over all bona fide trials, targets and non-targets. If a share rho of the
negative trials are spoofs, a pair (t_cm, t_asv) where P_miss,tdm equals (1 - rho) P_fa,tdm +
rho P_fa,spoof,tdm is a point of the t-EER path of that rho. The paths of all rho meet where the
three rates are equal: their common value is the concurrent t-EER.

Measured rates are steps, so there may be no pair that makes the three equal. This file computes
what the evaluation package of ASVspoof 5 computes. For every t_asv where P_miss,asv < (P_fa,asv +
P_fa,spoof,asv) / 2, the pair on the path of rho = 1/2 has the t_cm at which the two sides are
closest. The result is the one of these pairs whose

    |P_fa,asv / P_fa,spoof,asv - P_fa,cm / (1 - P_miss,cm)|

is least (pairs with a denominator of 0 do not count; of equal ones the lowest threshold counts),
and the value is its P_fa,spoof,tdm. Equal scores are one step here; the package steps through them
one by one, so it may differ on tied scores.

If the three rates have no common value (a CM without information, an ASV that no spoof fools), the
pair is only the nearest one, and the value means little: see `spread`.

Source: T. Kinnunen et al., "t-EER: Parameter-free tandem evaluation of countermeasures and
biometric comparators", IEEE TPAMI 2023. Rates are fractions from 0 to 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.det import operating_points
from fad.evaluation.sasv.operating_points import VerifierPoints, verifier_points

SPOOF_SHARE = 0.5
"""rho of the searched path."""


@dataclass(frozen=True)
class ConcurrentTeer:
    """The concurrent t-EER and the pair of thresholds where it was found.

    Attributes:
        cm_threshold: t_cm; a CM score above it passes.
        asv_threshold: t_asv; an ASV score above it passes.
        p_miss: the tandem's rejected targets there.
        p_fa: the tandem's accepted non-targets there.
        p_fa_spoof: the tandem's accepted spoofs there.
    """

    cm_threshold: float
    asv_threshold: float
    p_miss: float
    p_fa: float
    p_fa_spoof: float

    @property
    def rate(self) -> float:
        """The concurrent t-EER, as a fraction: p_fa_spoof, as in the evaluation package."""
        return self.p_fa_spoof

    @property
    def spread(self) -> float:
        """The largest of the three rates minus the smallest."""
        rates = (self.p_miss, self.p_fa, self.p_fa_spoof)
        return max(rates) - min(rates)


def _tandem_gap(
    cm_miss: np.ndarray, cm_false_alarm: np.ndarray, asv: VerifierPoints, at: np.ndarray
) -> np.ndarray:
    """(A,) P_miss,tdm - P_fa,tdm on the path's rho, for CM rates (A,) with ASV points `at` (A,)."""
    passed = 1 - cm_miss
    miss = cm_miss + passed * asv.miss_rate[at]
    nontarget = passed * asv.false_alarm_rate[at]
    spoof = cm_false_alarm * asv.spoof_false_alarm_rate[at]
    return miss - ((1 - SPOOF_SHARE) * nontarget + SPOOF_SHARE * spoof)


def _path(
    cm_miss: np.ndarray, cm_false_alarm: np.ndarray, asv: VerifierPoints, at: np.ndarray
) -> np.ndarray:
    """(A,) int, the CM point where the gap is closest to 0, for each of the ASV points `at` (A,).

    The gap rises with the CM's threshold, from below 0 to above, so one bisection for all points
    finds where it changes sign. Memory is linear, time is O(A log K) for K CM points.
    """
    below = np.zeros(at.size, dtype=np.intp)  # the gap is negative at these points
    above = np.full(at.size, cm_miss.size - 1)  # and not negative at these
    while np.any(above - below > 1):
        middle = (below + above) // 2
        is_below = _tandem_gap(cm_miss[middle], cm_false_alarm[middle], asv, at) < 0
        below = np.where(is_below, middle, below)
        above = np.where(is_below, above, middle)
    gap_below = -_tandem_gap(cm_miss[below], cm_false_alarm[below], asv, at)
    gap_above = _tandem_gap(cm_miss[above], cm_false_alarm[above], asv, at)
    return np.where(gap_above < gap_below, above, below)


def concurrent_teer(
    cm_bonafide: ArrayLike,
    cm_spoof: ArrayLike,
    asv_target: ArrayLike,
    asv_nontarget: ArrayLike,
    asv_spoof: ArrayLike,
) -> ConcurrentTeer:
    """The concurrent t-EER of a tandem, in O(n log n) and linear memory.

    Args:
        cm_bonafide: (N_b,) CM scores of bona fide trials, targets and non-targets.
        cm_spoof: (N_s,) CM scores of spoofed trials.
        asv_target: (N_tar,) ASV scores of bona fide trials by the claimed speaker.
        asv_nontarget: (N_non,) ASV scores of bona fide trials by someone else.
        asv_spoof: (N_spoof,) ASV scores of spoofed trials.

    Raises:
        ValueError: a kind of trial is missing, a score is NaN or infinite, or no pair counts, which
            can happen if CM scores are inverted and few.
    """
    cm = operating_points(cm_bonafide, cm_spoof)
    asv = verifier_points(asv_target, asv_nontarget, asv_spoof)
    cm_miss, cm_false_alarm = cm.miss_rate, cm.false_alarm_rate
    negative = (1 - SPOOF_SHARE) * asv.false_alarm_rate + SPOOF_SHARE * asv.spoof_false_alarm_rate
    asv_points = np.flatnonzero((asv.miss_rate < negative) & (asv.spoof_false_alarm_rate > 0))
    cm_points = _path(cm_miss, cm_false_alarm, asv, asv_points)
    defined = cm_miss[cm_points] < 1
    if not defined.any():
        raise ValueError(
            "the t-EER is not defined for this tandem: where its error rates are closest the CM "
            "rejects every bona fide trial (are the CM scores inverted?)"
        )
    asv_points, cm_points = asv_points[defined], cm_points[defined]
    asv_ratio = asv.false_alarm_rate[asv_points] / asv.spoof_false_alarm_rate[asv_points]
    cm_ratio = cm_false_alarm[cm_points] / (1 - cm_miss[cm_points])
    best = int(np.argmin(np.abs(asv_ratio - cm_ratio)))

    in_asv, in_cm = asv_points[best], cm_points[best]
    passed = 1 - cm_miss[in_cm]
    return ConcurrentTeer(
        cm_threshold=float(cm.thresholds[in_cm]),
        asv_threshold=float(asv.thresholds[in_asv]),
        p_miss=float(1 - passed * (1 - asv.miss_rate[in_asv])),
        p_fa=float(passed * asv.false_alarm_rate[in_asv]),
        p_fa_spoof=float(cm_false_alarm[in_cm] * asv.spoof_false_alarm_rate[in_asv]),
    )
