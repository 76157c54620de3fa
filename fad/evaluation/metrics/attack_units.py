"""Resampling units of speakers or trials and of attacks at once.

An interval over speakers holds for other speakers and the same attacks. Where the attacks are
themselves a sample, of those that a detector will meet, they are drawn too: each bootstrap sample
draws the other units and, independently of them, attacks with replacement; a spoof counts as often
as its unit was drawn times as often as its attack was.

Source: A. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fad.evaluation.metrics.bootstrap_units import ResamplingUnits

MIN_ATTACKS = 5
"""With fewer attacks there is no spread between them to measure, and they are not drawn."""


@dataclass(frozen=True)
class CrossedUnits(ResamplingUnits):
    """Units crossed with attacks: each spoof's unit is a pair of both.

    Attributes:
        inner: the speakers or trials, none of them merged.
        inner_of: (U,) int, the inner unit of each pair.
        attack_of: (U,) int, its attack, and `attacks` for bona fide trials, which have none.
        attacks: number of attacks.
    """

    inner: ResamplingUnits
    inner_of: np.ndarray
    attack_of: np.ndarray
    attacks: int

    def resample(self, rng: np.random.Generator, resamples: int) -> Iterator[np.ndarray]:
        """Draws bootstrap samples: (U, D) float, as the base class does."""
        spoofs = self.attack_of < self.attacks
        for weights in self.inner.resample(rng, resamples):
            pairs = weights[self.inner_of]
            for column in pairs.T:
                column *= self._drawn_attacks(rng, column[spoofs].astype(bool), spoofs)
            yield pairs

    def _drawn_attacks(
        self, rng: np.random.Generator, taken: np.ndarray, spoofs: np.ndarray
    ) -> np.ndarray:
        """How often the attack of each pair (U,) is drawn; a spoof that is `taken` stays."""
        drawn = np.ones(self.attacks + 1)
        while True:
            drawn[:-1] = rng.multinomial(self.attacks, np.full(self.attacks, 1 / self.attacks))
            times = drawn[self.attack_of]
            if times[spoofs][taken].any():
                return times


def cross_with_attacks(
    inner: ResamplingUnits, is_bonafide: np.ndarray, attacks: np.ndarray
) -> ResamplingUnits:
    """Crosses units with attacks, or returns them as they are if the attacks are too few.

    Args:
        inner: speakers, or trials of which none is merged.
        is_bonafide: (N,) bool.
        attacks: (N,) names; of bona fide trials they are not read.
    """
    names = np.unique(attacks[~is_bonafide])
    if names.size < MIN_ATTACKS:
        return inner
    attack = np.where(is_bonafide, names.size, np.searchsorted(names, attacks))[inner.trials]
    pairs, numbers = np.unique(inner.numbers * (names.size + 1) + attack, return_inverse=True)
    inner_of, attack_of = np.divmod(pairs, names.size + 1)
    fewest = min(inner.fewest, names.size)
    return CrossedUnits(
        *(inner.name, inner.total, inner.trials, numbers, (), fewest, ()),
        inner=inner,
        inner_of=inner_of,
        attack_of=attack_of,
        attacks=names.size,
    )
