"""Cost of log-likelihood ratios, Cllr, in bits; and min Cllr, the cost after best calibration.

    Cllr = [mean_b log2(1 + exp(-s_b)) + mean_s log2(1 + exp(s_s))] / 2

over bona fide scores s_b and spoof scores s_s, read as log-likelihood ratios in nats. 0 is
perfect, 1 is what the constant score 0 ("do not know") costs, and there is no upper bound: it
measures calibration and discrimination together.

min Cllr is the Cllr of the scores after the non-decreasing map that makes it lowest: it measures
only discrimination, from 0 (separated) to 1 (no map helps, as for inverted scores). Pooling
adjacent violators (PAV) finds the map: it cuts the sorted trials into blocks whose share of bona
fide trials rises. With the shares b and s of all bona fide and all spoofed trials that a block
has, its ratio is ln(b / s), and

    min Cllr = sum over blocks [b log2(1 + s / b) + s log2(1 + b / s)] / 2

A block with only one class has an infinite ratio and costs nothing. Tied trials are one group
before PAV, since no map can tell them apart; programs that sort them with the spoofs first do.

Source: N. Brummer and J. du Preez, "Application-independent evaluation of speaker detection",
Computer Speech and Language 20, 2006.
"""

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.det import check_scores, operating_points


def cllr(bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Cllr in bits; meaningful only for scores that are log-likelihood ratios in nats.

    Args:
        bonafide: (N_b,) scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) scores of spoofed trials.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    bonafide = check_scores(bonafide, "bona fide")
    spoof = check_scores(spoof, "spoof")
    nats = np.logaddexp(0, -bonafide).mean() + np.logaddexp(0, spoof).mean()
    return float(nats / 2 / np.log(2))


def min_cllr(bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Cllr in bits after the best non-decreasing recalibration, from 0 to 1; in O(n log n).

    Separated scores have 0. Inverted scores and constant ones have 1. It does not depend on the
    scale of the scores, only on their order and ties.

    Args:
        bonafide: (N_b,) scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) scores of spoofed trials.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    # Imported here, since they take longer to import than everything else in this file.
    from scipy.optimize import isotonic_regression
    from scipy.special import entr

    points = operating_points(bonafide, spoof)
    num_bonafide, num_spoof = np.diff(points.misses), -np.diff(points.false_alarms)
    sizes = num_bonafide + num_spoof
    starts = isotonic_regression(num_bonafide / sizes, weights=sizes).blocks[:-1]
    bonafide_share = np.add.reduceat(num_bonafide, starts) / points.num_bonafide
    spoof_share = np.add.reduceat(num_spoof, starts) / points.num_spoof
    # The sum above, by entr(p) = -p ln p, which is 0 at 0, so that no infinite ratio is formed.
    nats = entr(bonafide_share) + entr(spoof_share) - entr(bonafide_share + spoof_share)
    return float(nats.sum() / 2 / np.log(2))
