"""Quality of decisions: AUC over all thresholds; accuracy, F1 and error rates at one threshold.

A trial is accepted as bona fide if its score is above the threshold, `score > t`; otherwise it is
detected as a spoof. With N_b bona fide and N_s spoofed trials

    P_miss = rejected bona fide / N_b            P_fa = accepted spoofs / N_s
    accuracy = (N_b (1 - P_miss) + N_s (1 - P_fa)) / (N_b + N_s)
    balanced accuracy = 1 - (P_miss + P_fa) / 2
    F1 = 2 TP / (2 TP + FP + FN)
    AUC = P(bona fide score > spoof score) + P(they are equal) / 2

F1 is that of the spoof class: TP = detected spoofs, FP = rejected bona fide trials, FN = accepted
spoofs. Toolkits differ here (AntiDeepfake prints the F1 of the bona fide class, DeepFense both and
their mean), and F1 and accuracy depend on the share of spoofs in a set: compare them only on one
set, and name the class.

Source: J. Hanley and B. McNeil, "The meaning and use of the area under a receiver operating
characteristic (ROC) curve", Radiology 143, 1982; C. van Rijsbergen, "Information retrieval", 1979.
All are fractions from 0 to 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.det import check_scores, check_threshold, operating_points


@dataclass(frozen=True)
class Decisions:
    """Quality of the decisions at one threshold, as fractions.

    Attributes:
        threshold: trials with a score above it are accepted as bona fide.
        accuracy: correct decisions among all.
        balanced_accuracy: mean over both classes of the share of correct decisions.
        f1: of the spoof class; 0 where no spoof is detected.
        p_miss: rejected bona fide trials.
        p_fa: accepted spoofed trials.
    """

    threshold: float
    accuracy: float
    balanced_accuracy: float
    f1: float
    p_miss: float
    p_fa: float


def auc(bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Area under the ROC curve, as the Mann-Whitney statistic; a tie counts one half.

    Separated scores have 1, inverted ones 0, constant ones 0.5. Integer counts, in O(n log n).

    Args:
        bonafide: (N_b,) scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) scores of spoofed trials.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    points = operating_points(bonafide, spoof)
    spoofs_up_to = points.num_spoof - points.false_alarms
    below_twice = spoofs_up_to[:-1] + spoofs_up_to[1:]  # and the tied ones once
    won_twice = int(np.diff(points.misses) @ below_twice)
    return won_twice / (2 * points.num_bonafide * points.num_spoof)


def decisions_at(bonafide: ArrayLike, spoof: ArrayLike, threshold: float) -> Decisions:
    """The decisions at a threshold; a score equal to it is rejected.

    Args:
        bonafide: (N_b,) scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) scores of spoofed trials.
        threshold: in the unit of the scores.

    Raises:
        ValueError: a class is empty, or a score or the threshold is NaN or infinite.
    """
    bonafide = check_scores(bonafide, "bona fide")
    spoof = check_scores(spoof, "spoof")
    check_threshold(threshold)
    misses = int(np.count_nonzero(bonafide <= threshold))
    false_alarms = int(np.count_nonzero(spoof > threshold))
    detected = spoof.size - false_alarms
    errors = misses + false_alarms
    p_miss, p_fa = misses / bonafide.size, false_alarms / spoof.size
    return Decisions(
        threshold=float(threshold),
        accuracy=1 - errors / (bonafide.size + spoof.size),
        balanced_accuracy=1 - (p_miss + p_fa) / 2,
        f1=2 * detected / (2 * detected + errors),
        p_miss=p_miss,
        p_fa=p_fa,
    )
