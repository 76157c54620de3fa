"""Ties at the crossing: the organisers' value by brute force, and the span over all orders."""

from itertools import permutations

import numpy as np
import pytest

from fad.evaluation.metrics.eer import eer
from fad.evaluation.metrics.ties import eer_organisers, tie_at_crossing


def stepping(labels) -> float:
    """The EER of trials in this order (True: bona fide), each rejected after the other."""
    labels = list(labels)
    total, spoofs = sum(labels), len(labels) - sum(labels)
    best, found = None, None
    for rejected in range(len(labels) + 1):
        miss = sum(labels[:rejected]) / total
        false_alarm = sum(not label for label in labels[rejected:]) / spoofs
        if best is None or abs(miss - false_alarm) < best - 1e-12:
            best, found = abs(miss - false_alarm), (miss + false_alarm) / 2
    return found


def organisers(bonafide, spoof) -> float:
    """Sorted by score; Python's sort is stable, and the bona fide trials come first."""
    trials = [(score, True) for score in bonafide] + [(score, False) for score in spoof]
    return stepping(label for _, label in sorted(trials, key=lambda trial: trial[0]))


def drawn(seed: int, sizes=(60, 90), tied: float = 0.0):
    """Scores of both classes, of which a share has the score of the crossing."""
    rng = np.random.default_rng(seed)
    bonafide, spoof = rng.normal(1, 1, sizes[0]), rng.normal(-1, 1, sizes[1])
    _, threshold = eer(bonafide, spoof)
    for scores in (bonafide, spoof):
        nearest = np.argsort(np.abs(scores - threshold))[: round(tied * scores.size)]
        scores[nearest] = threshold
    return bonafide, spoof


@pytest.mark.parametrize("tied", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("seed", range(20))
def test_the_organisers_value_is_that_of_brute_force(seed, tied):
    bonafide, spoof = drawn(seed, tied=tied)
    assert eer_organisers(bonafide, spoof) == pytest.approx(organisers(bonafide, spoof), abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_coarse_scores_agree_with_brute_force_too(seed):
    rng = np.random.default_rng(seed)
    bonafide, spoof = rng.integers(0, 5, 30).astype(float), rng.integers(-2, 4, 20).astype(float)
    assert eer_organisers(bonafide, spoof) == pytest.approx(organisers(bonafide, spoof), abs=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_the_span_is_that_of_all_orders_of_the_tied_trials(seed):
    rng = np.random.default_rng(seed)
    tie = None
    while tie is None:  # in some draws the rates cross elsewhere
        bonafide = np.array([-2.0, *rng.normal(2, 1, 4), *[0.0] * int(rng.integers(1, 4))])
        spoof = np.array([2.0, *rng.normal(-2, 1, 5), *[0.0] * int(rng.integers(1, 4))])
        tie = tie_at_crossing(bonafide, spoof)
    below = sorted([(s, True) for s in bonafide if s < 0] + [(s, False) for s in spoof if s < 0])
    above = sorted([(s, True) for s in bonafide if s > 0] + [(s, False) for s in spoof if s > 0])
    equal = [True] * int((bonafide == 0).sum()) + [False] * int((spoof == 0).sum())
    found = {
        stepping([label for _, label in below] + list(order) + [label for _, label in above])
        for order in set(permutations(equal))
    }
    assert (tie.low, tie.high) == pytest.approx((min(found), max(found)), abs=1e-12)
    assert tie.score == 0 and tie.trials == len(equal)
    assert tie.share == pytest.approx(len(equal) / (bonafide.size + spoof.size))


def test_without_a_tie_all_values_are_one():
    for seed in range(50):
        bonafide, spoof = drawn(seed)
        assert tie_at_crossing(bonafide, spoof) is None
        assert eer_organisers(bonafide, spoof) == pytest.approx(eer(bonafide, spoof)[0], abs=1e-12)


def test_constant_scores_are_one_tie_of_all_trials():
    tie = tie_at_crossing([3.0] * 4, [3.0] * 6)
    assert (tie.score, tie.trials, tie.share) == (3.0, 10, 1.0)
    assert (tie.low, tie.high) == (0.0, 1.0) and eer([3.0] * 4, [3.0] * 6)[0] == 0.5


def test_a_tie_elsewhere_does_not_count():
    bonafide, spoof = drawn(1)
    assert tie_at_crossing(np.append(bonafide, [9.0] * 9), np.append(spoof, [9.0])) is None


def test_a_tie_that_ends_where_the_rates_are_equal_does_not_count():
    """In every order of the two zeros one of each class is wrong at the end."""
    bonafide, spoof = [0.0, 1.0, 2.0], [-2.0, 0.0, 2.0]
    assert eer(bonafide, spoof)[0] == eer_organisers(bonafide, spoof) == pytest.approx(1 / 3)
    assert tie_at_crossing(bonafide, spoof) is None
