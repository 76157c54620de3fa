"""Cost of log-likelihood ratios, Cllr, in bits.

    Cllr = [mean_b log2(1 + exp(-s_b)) + mean_s log2(1 + exp(s_s))] / 2

over bona fide scores s_b and spoof scores s_s, read as log-likelihood ratios in nats. 0 is
perfect, 1 is what the constant score 0 ("do not know") costs, and there is no upper bound: it
measures calibration and discrimination together.

Source: N. Brummer and J. du Preez, "Application-independent evaluation of speaker detection",
Computer Speech and Language 20, 2006.
"""

import numpy as np
from numpy.typing import ArrayLike

from fad.metrics.det import check_scores


def cllr(bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Cllr in bits; meaningful only for scores that are log-likelihood ratios in nats.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    bonafide = check_scores(bonafide, "bona fide")
    spoof = check_scores(spoof, "spoof")
    nats = np.logaddexp(0, -bonafide).mean() + np.logaddexp(0, spoof).mean()
    return float(nats / 2 / np.log(2))
