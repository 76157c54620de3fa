"""The three EERs of spoofing-aware speaker verification, as the SASV 2022 challenge defines them.

    SASV-EER: targets against non-targets and spoofs together
    SV-EER:   targets against non-targets
    SPF-EER:  targets against spoofs

An EER here is the rate at which the ROC, drawn with straight lines between its operating points,
meets "miss rate = false alarm rate". That is what the challenge's program computes; the EER of
`fad.evaluation.metrics.eer`, which ASVspoof uses, takes the nearest operating point instead; the
two differ by at most half a step of the ROC. The SASV-EER depends on the numbers of non-targets
and spoofs in a set.

Source: J. Jung et al., "SASV 2022: The first spoofing-aware speaker verification challenge",
Interspeech 2022. Rates are fractions from 0 to 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.det import check_scores, operating_points


@dataclass(frozen=True)
class SasvEers:
    """The three EERs as fractions.

    Attributes:
        sasv: targets against all others.
        sv: targets against non-targets.
        spf: targets against spoofs.
    """

    sasv: float
    sv: float
    spf: float


def _interpolated_eer(accepted: np.ndarray, rejected: np.ndarray) -> float:
    """EER on the ROC with straight lines between its operating points.

    Args:
        accepted: (N_a,) scores of trials to accept.
        rejected: (N_r,) scores of trials to reject.
    """
    points = operating_points(accepted, rejected)
    # N_a N_r (P_miss - P_fa), in integers so that rounding cannot move the crossing.
    gap = points.misses * points.num_spoof - points.false_alarms * points.num_bonafide
    after = int(np.searchsorted(gap, 0))  # the gap rises; its first value is negative, its last not
    before = after - 1
    weight = gap[before] / (gap[before] - gap[after])
    misses = points.miss_rate
    return float(misses[before] + weight * (misses[after] - misses[before]))


def sasv_eers(target: ArrayLike, nontarget: ArrayLike, spoof: ArrayLike) -> SasvEers:
    """The three EERs of one system, in O(n log n).

    Each is 0 for separated scores, 1 for inverted ones and 0.5 for constant ones.

    Args:
        target: (N_tar,) scores of bona fide trials by the claimed speaker, higher is more target.
        nontarget: (N_non,) scores of bona fide trials by someone else.
        spoof: (N_spoof,) scores of spoofed trials.

    Raises:
        ValueError: a kind of trial is missing, or a score is NaN or infinite.
    """
    target = check_scores(target, "target")
    nontarget = check_scores(nontarget, "non-target")
    spoof = check_scores(spoof, "spoof")
    return SasvEers(
        sasv=_interpolated_eer(target, np.concatenate([nontarget, spoof])),
        sv=_interpolated_eer(target, nontarget),
        spf=_interpolated_eer(target, spoof),
    )
