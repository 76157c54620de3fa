"""Resampling units of the bootstrap: speakers where they are known, else trials.

The trials of one speaker are not independent, so an interval over resampled trials would be too
narrow. Three kinds of speakers are resampled separately, so that every bootstrap sample has both
classes: those with only bona fide trials, those with only spoofs, and those with both. If one kind
has so few speakers that resampling within it would show no spread, all speakers are resampled
together, and samples that lack a class are drawn again.

If trials are resampled, most of them lie so far from the EER that no bootstrap sample moves its EER
there; what matters is only how many of them a sample takes. Such trials of one class that lie on
the same side for every system are merged into one unit, and so are tied trials. A merged unit is
taken as often as a sample of all trials takes any of its trials. The number of trials left to
resample one by one grows as sqrt(N): about 10,000 of a million.

Sources: B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993, chapter 8. Speakers
as resampling units: F. Peng and Z. Liu, "Statistical testing on ASR performance via blockwise
bootstrap", arXiv 1912.09508.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.det import operating_points

MIN_SPEAKERS = 5
"""With fewer speakers in a class there is no spread to measure, and trials are resampled instead.
That interval is too narrow as well, so results must say it."""

WEIGHTS_AT_ONCE = 2**22
"""Most numbers (of 8 bytes) in the weights of one batch of bootstrap samples, or of one sample."""

LOG_FAR = np.log(1e15)
"""A trial is far from the EER if a bootstrap sample has its EER beyond the trial with probability
below 1e-15."""


@dataclass(frozen=True)
class Stratum:
    """Units that are resampled together: with replacement, as many as there are.

    Attributes:
        single: (A,) int, numbers of the single units.
        merged: (C,) int, numbers of the merged units.
        sizes: (C,) int, how many trials each merged unit stands for.
    """

    single: np.ndarray
    merged: np.ndarray
    sizes: np.ndarray

    def resample(self, rng: np.random.Generator, counts: np.ndarray) -> None:
        """Draws one bootstrap sample: sets the entries of the stratum's units in `counts` (U,)."""
        sizes = np.concatenate([[self.single.size], self.sizes])
        singles, *merged = rng.multinomial(sizes.sum(), sizes / sizes.sum())
        counts[self.merged] = merged
        drawn = rng.integers(self.single.size, size=singles)
        counts[self.single] = np.bincount(drawn, minlength=self.single.size)


@dataclass(frozen=True)
class ResamplingUnits:
    """The U resampling units of some trials.

    Attributes:
        name: `speaker` or `trial`.
        total: number of speakers or trials.
        trials: (T,) int, indices of the trials to count; of merged trials only the first.
        numbers: (T,) int, the unit of each of these, from 0 to U - 1.
        strata: each unit is in exactly one stratum.
        fewest: units of the class that has fewer, where none is merged.
        needed: kinds of units as masks (U,) bool; every bootstrap sample must have one of each.
    """

    name: str
    total: int
    trials: np.ndarray
    numbers: np.ndarray
    strata: Sequence[Stratum]
    fewest: int
    needed: Sequence[np.ndarray]

    def widening(self, level: float) -> float:
        """t(n - 1) / z * sqrt(n / (n - 1)): how much wider an interval over few units must be."""
        from scipy.special import ndtri, stdtrit

        if self.fewest < 2:
            return 1.0
        high = (1 + level) / 2
        spread = self.fewest / (self.fewest - 1)
        return float(stdtrit(self.fewest - 1, high) / ndtri(high) * np.sqrt(spread))

    def resample(self, rng: np.random.Generator, resamples: int) -> Iterator[np.ndarray]:
        """Draws bootstrap samples.

        Yields:
            (U, D) float, how often each sample takes each unit, in batches of D samples.
        """
        count = sum(stratum.single.size + stratum.merged.size for stratum in self.strata)
        batch = max(1, WEIGHTS_AT_ONCE // count)
        for start in range(0, resamples, batch):
            weights = np.empty((min(batch, resamples - start), count))
            for row in weights:
                self._resample_once(rng, row)
            yield np.ascontiguousarray(weights.T)

    def _resample_once(self, rng: np.random.Generator, row: np.ndarray) -> None:
        """Sets `row` (U,) to one bootstrap sample that has every kind of unit needed."""
        while True:
            for stratum in self.strata:
                stratum.resample(rng, row)
            if all(row[kind].any() for kind in self.needed):
                return


def choose_resampling_units(
    systems: Sequence[np.ndarray],
    is_bonafide: np.ndarray,
    speakers: ArrayLike | None,
    merge: bool = True,
) -> ResamplingUnits:
    """Chooses speakers if they are known, enough in both classes, and fewer than the trials.

    Args:
        systems: vectors of scores (N,) float, one of each system.
        is_bonafide: (N,) bool.
        speakers: (N,) names, or None if they are not known.
        merge: whether trials that no sample tells apart are one unit.
    """
    if speakers is not None:
        names = np.unique(speakers)
        numbers = np.searchsorted(names, speakers)
        fewest = min(np.unique(numbers[mask]).size for mask in (is_bonafide, ~is_bonafide))
        if names.size < numbers.size and fewest >= MIN_SPEAKERS:
            return _speaker_units(numbers, is_bonafide)
    group = _told_apart(systems, is_bonafide) if merge else np.arange(is_bonafide.size)
    return _trial_units(group, is_bonafide)


def _speaker_units(numbers: np.ndarray, is_bonafide: np.ndarray) -> ResamplingUnits:
    """Speakers in strata by their classes, or in one stratum if a kind has too few speakers."""
    has_bonafide = np.bincount(numbers, weights=is_bonafide) > 0
    has_spoof = np.bincount(numbers, weights=~is_bonafide) > 0
    possible = (has_bonafide & ~has_spoof, has_spoof & ~has_bonafide, has_bonafide & has_spoof)
    kinds = [kind for kind in possible if kind.any()]
    needed: tuple[np.ndarray, ...] = ()
    if min(np.count_nonzero(kind) for kind in kinds) < MIN_SPEAKERS:
        kinds, needed = [has_bonafide | has_spoof], (has_bonafide, has_spoof)
    none = np.empty(0, dtype=np.int64)
    fewest = int(min(has_bonafide.sum(), has_spoof.sum()))
    strata = [Stratum(np.flatnonzero(kind), none, none) for kind in kinds]
    return ResamplingUnits(
        "speaker", has_bonafide.size, np.arange(numbers.size), numbers, strata, fewest, needed
    )


def _told_apart(systems: Sequence[np.ndarray], is_bonafide: np.ndarray) -> np.ndarray:
    """Groups (N,) int of trials that no sample's EER tells apart, in any system."""
    group = is_bonafide.astype(np.int64)
    for scores in systems:
        low, high = _window(scores[is_bonafide], scores[~is_bonafide])
        seen = np.where(scores > high, np.inf, np.maximum(scores, low))
        values, places = np.unique(seen, return_inverse=True)
        group = np.unique(group * values.size + places, return_inverse=True)[1]
    return group


def _trial_units(group: np.ndarray, is_bonafide: np.ndarray) -> ResamplingUnits:
    """Trials as units; those of one group (N,) int are merged to one."""
    _, first, sizes = np.unique(group, return_index=True, return_counts=True)
    order = np.argsort(first)  # independent of the order of the systems
    trials, sizes = first[order], sizes[order]
    strata = []
    for members in (is_bonafide[trials], ~is_bonafide[trials]):
        single, merged = (
            np.flatnonzero(members & (sizes == 1)),
            np.flatnonzero(members & (sizes > 1)),
        )
        strata.append(Stratum(single, merged, sizes[merged]))
    fewest = int(min(is_bonafide.sum(), (~is_bonafide).sum()))
    numbers = np.arange(trials.size)
    return ResamplingUnits("trial", is_bonafide.size, trials, numbers, strata, fewest, ())


def _window(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[float, float]:
    """Thresholds between which a bootstrap sample has its EER, with probability over 1 - 2e-15.

    At a threshold, D* = P_miss - P_fa of a sample is the difference of two means of N_b and N_s
    independent values from {0, 1}: its expectation is D of the trials, its variance v is known, and
    no value moves it by more than c = 1 / min(N_b, N_s). Bernstein's inequality,
    P(D* - D > x) < exp(-x^2 / (2 v + 2 c x / 3)), gives the x at which D of the trials is too far
    from 0 for D* to have another sign.
    """
    points = operating_points(bonafide, spoof)
    p_miss, p_fa = points.miss_rate, points.false_alarm_rate
    variance = p_miss * (1 - p_miss) / points.num_bonafide + p_fa * (1 - p_fa) / points.num_spoof
    linear = LOG_FAR / min(points.num_bonafide, points.num_spoof) / 3
    reach = linear + np.sqrt(linear**2 + 2 * LOG_FAR * variance)
    difference = p_miss - p_fa
    low = np.flatnonzero(difference < -reach)
    high = np.flatnonzero(difference > reach)
    return (
        points.thresholds[low[-1] if low.size else 0],
        points.thresholds[high[0] if high.size else -1],
    )
