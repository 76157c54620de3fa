"""One result from several training seeds: mean, deviation and best.

The deviation is the sample deviation, with n - 1 in the denominator: the seeds are a sample of all
possible seeds, and n would make their spread too small. One seed has no deviation.

The best seed is chosen on the same trials that it is reported on. It shows what a shared model can
do, not what the recipe does: compare means.
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
        best: the lowest value.
        count: number of values.
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


def mean_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """Interval of the mean over all seeds, by Student's t; None for one seed.

    It is about another training on the same data, tested on the same trials. If all values are
    equal, the interval is that value: the trials are then too few to tell the seeds apart, and
    another seed need not give the same.

    Raises:
        ValueError: as `summarise_seeds`.
    """
    from scipy.special import stdtrit

    found = summarise_seeds(values)
    if found.deviation is None:
        return None
    quantile = float(stdtrit(found.count - 1, (1 + level) / 2))
    half = quantile * found.deviation / found.count**0.5
    return found.mean - half, found.mean + half
