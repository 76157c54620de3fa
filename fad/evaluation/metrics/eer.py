"""Equal error rate (EER), as the ASVspoof organisers' programs compute it, but for ties.

    t* = argmin_t |P_miss(t) - P_fa(t)|,    EER = (P_miss(t*) + P_fa(t*)) / 2

over the operating points of `fad.evaluation.metrics.det`, without interpolation between them. If
several are equally close, the lowest threshold counts; the comparison is in integers, so that
rounding cannot decide it. Trials of equal score are one step. Where both classes have trials of the
score at which the rates cross, the organisers' value is another one:
`fad.evaluation.metrics.ties` has both.

Source: the evaluation package of ASVspoof 2019 (Todisco et al., "ASVspoof 2019: Future horizons
in spoofed and fake audio detection", Interspeech 2019). The EER is a fraction from 0 to 1, the
threshold is in the unit of the scores.
"""

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.det import operating_points


def closest_point(
    misses: np.ndarray, false_alarms: np.ndarray, num_bonafide: int, num_spoof: int
) -> int:
    """Index of the operating point whose error rates are closest; of equally close ones the first.

    Args:
        misses: (K,) int, rejected bona fide trials.
        false_alarms: (K,) int, accepted spoofed trials.
        num_bonafide: number of bona fide trials.
        num_spoof: number of spoofed trials.
    """
    return int(np.argmin(np.abs(misses * num_spoof - false_alarms * num_bonafide)))


def eer(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[float, float]:
    """EER and its threshold.

    Args:
        bonafide: (N_b,) scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) scores of spoofed trials.

    Returns:
        The EER as a fraction and the threshold t*; trials with score > t* are accepted.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    points = operating_points(bonafide, spoof)
    best = closest_point(points.misses, points.false_alarms, points.num_bonafide, points.num_spoof)
    rate = (points.miss_rate[best] + points.false_alarm_rate[best]) / 2
    return float(rate), float(points.thresholds[best])
