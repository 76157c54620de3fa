import numpy as np
import pytest
from scipy.stats import norm

from fad.metrics.bootstrap import _strata, _units, _weighted_eer, eer_interval
from fad.metrics.det import tie_ends
from fad.metrics.eer import eer


def gaussian(seed, count=400, distance=2.0):
    rng = np.random.default_rng(seed)
    return rng.normal(distance, 1, count), rng.normal(0, 1, count)


def test_weighted_eer_equals_the_eer_of_repeated_trials():
    rng = np.random.default_rng(0)
    for _ in range(50):
        scores = rng.integers(0, 8, 30)
        is_bonafide = np.arange(30) < 12
        weights = rng.integers(0, 4, 30)
        order = np.argsort(scores, kind="stable")
        found = _weighted_eer(weights[order], is_bonafide[order], tie_ends(scores[order]))
        repeated, kinds = np.repeat(scores, weights), np.repeat(is_bonafide, weights)
        assert found == pytest.approx(eer(repeated[kinds], repeated[~kinds])[0])


def test_the_same_seed_gives_the_same_interval_and_it_holds_the_estimate():
    bonafide, spoof = gaussian(1)
    first = eer_interval(bonafide, spoof, seed=5)
    assert first == eer_interval(bonafide, spoof, seed=5)
    assert first != eer_interval(bonafide, spoof, seed=6)
    assert first.low < eer(bonafide, spoof)[0] < first.high
    assert (first.unit, first.num_units, first.level) == ("trial", 800, 0.95)


def test_most_intervals_cover_the_true_rate():
    truth = norm.cdf(-1.0)  # the EER of two unit Gaussians at distance 2
    intervals = [eer_interval(*gaussian(seed), resamples=100) for seed in range(60)]
    covered = sum(interval.low <= truth <= interval.high for interval in intervals)
    assert 51 <= covered <= 60


def test_trials_of_one_speaker_count_as_one_observation():
    rng = np.random.default_rng(2)
    offsets = rng.normal(0, 1, 20)
    bonafide = np.repeat(2 + offsets[:10], 40) + rng.normal(0, 0.1, 400)
    spoof = np.repeat(offsets[10:], 40) + rng.normal(0, 0.1, 400)
    names = np.repeat([f"s{index}" for index in range(20)], 40)
    by_speaker = eer_interval(bonafide, spoof, names[:400], names[400:])
    by_trial = eer_interval(bonafide, spoof)
    assert (by_speaker.unit, by_speaker.num_units) == ("speaker", 20)
    assert by_speaker.high - by_speaker.low > 2 * (by_trial.high - by_trial.low)


@pytest.mark.parametrize(
    ("bonafide_speakers", "spoof_speakers", "unit"),
    [
        (list("abcdef"), list("abcdef"), "speaker"),
        (list("abcdef"), list("ghijkl"), "trial"),  # a speaker a trial: the same thing
        (list("abcdef"), list("gggggg"), "trial"),  # one spoofed voice has no spread
        (None, None, "trial"),
    ],
)
def test_the_unit_is_the_speaker_where_that_says_something(bonafide_speakers, spoof_speakers, unit):
    bonafide, spoof = np.arange(6.0), np.arange(6.0) - 3
    found = eer_interval(bonafide, spoof, bonafide_speakers, spoof_speakers)
    assert found.unit == unit


def test_units_are_drawn_by_the_classes_that_they_hold():
    is_bonafide = np.array([True] * 8 + [False] * 7)
    _, units = _units(is_bonafide, list("aabcdefg") + list("abcdhhi"))
    kinds = [sorted(stratum.tolist()) for stratum in _strata(units, is_bonafide)]
    assert kinds == [[4, 5, 6], [7, 8], [0, 1, 2, 3]]


def test_perfect_scores_have_an_empty_interval_and_bad_ones_are_refused():
    interval = eer_interval([1.0, 2.0], [0.0, -1.0])
    assert (interval.low, interval.high) == (0.0, 0.0)
    with pytest.raises(ValueError, match="no spoof scores"):
        eer_interval([1.0], [])
