"""One result from several training seeds: mean, deviation and best.

The deviation is that of a sample, with n - 1 in the denominator: the seeds are a few of the many
that could have been taken, and n would make their spread too small. One seed has no deviation.

A best seed is chosen by the very trials that it is reported on. It is what a shared model can do,
never what the recipe does: compare means.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SeedSummary:
    """Several seeds' values of an error rate or a cost, in the unit of the values.

    Attributes:
        mean: their mean.
        deviation: sample standard deviation, None for one seed.
        best: the lowest.
        count: how many there are.
    """

    mean: float
    deviation: float | None
    best: float
    count: int


def summarise_seeds(values: Sequence[float]) -> SeedSummary:
    """Mean, deviation, best and count of n values, lower being better.

    Raises:
        ValueError: there is no value, or one is NaN or infinite.
    """
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or found.size == 0:
        raise ValueError("there are no values: a summary over seeds needs one or more")
    if not np.isfinite(found).all():
        raise ValueError(f"the value of a seed is not finite: {found.tolist()}")
    deviation = float(found.std(ddof=1)) if found.size > 1 else None
    return SeedSummary(float(found.mean()), deviation, float(found.min()), found.size)
