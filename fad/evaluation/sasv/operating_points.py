"""Operating points of a speaker verifier on three kinds of trial.

A trial is a claimed speaker and an utterance: a target's, a non-target's, or a spoof of the target.
It is accepted if its score is above the threshold, `score > t`:

    P_miss(t)     = #{target scores <= t} / N_tar
    P_fa(t)       = #{non-target scores > t} / N_non
    P_fa,spoof(t) = #{spoof scores > t} / N_spoof

Equal scores are one step, as in `fad.evaluation.metrics.det`. Rates are fractions from 0 to 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.det import check_scores


@dataclass(frozen=True)
class VerifierPoints:
    """The K + 1 operating points of K distinct scores, by rising threshold.

    The first accepts every trial, the last rejects every trial.

    Attributes:
        thresholds: (K + 1,) float, in the unit of the scores.
        miss_rate: (K + 1,) rejected targets, rising from 0 to 1.
        false_alarm_rate: (K + 1,) accepted non-targets, falling from 1 to 0.
        spoof_false_alarm_rate: (K + 1,) accepted spoofs, falling from 1 to 0.
    """

    thresholds: np.ndarray
    miss_rate: np.ndarray
    false_alarm_rate: np.ndarray
    spoof_false_alarm_rate: np.ndarray


def _rejected(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """(K + 1,) share of the scores (N,) at or below each of the thresholds (K + 1,)."""
    return np.searchsorted(np.sort(scores), thresholds, side="right") / scores.size


def verifier_points(target: ArrayLike, nontarget: ArrayLike, spoof: ArrayLike) -> VerifierPoints:
    """All operating points, in O(n log n).

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
    thresholds = np.unique(np.concatenate([target, nontarget, spoof]))
    thresholds = np.concatenate([[np.nextafter(thresholds[0], -np.inf)], thresholds])
    return VerifierPoints(
        thresholds=thresholds,
        miss_rate=_rejected(target, thresholds),
        false_alarm_rate=1 - _rejected(nontarget, thresholds),
        spoof_false_alarm_rate=1 - _rejected(spoof, thresholds),
    )
