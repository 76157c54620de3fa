from itertools import product

import numpy as np
import pytest
from scipy.stats import chisquare, ks_2samp

from fad.evaluation.metrics import bootstrap_units as module
from fad.evaluation.metrics.bootstrap_eer import ResampledEers, bootstrap_eers
from fad.evaluation.metrics.bootstrap_units import _window, choose_resampling_units
from fad.evaluation.metrics.eer import eer


def trials(seed, bonafide, spoof, distance):
    """Scores and classes in a random order."""
    rng = np.random.default_rng(seed)
    is_bonafide = rng.permutation(bonafide + spoof) < bonafide
    return rng.normal(distance * is_bonafide, 1), is_bonafide


def eer_of(scores, is_bonafide):
    return eer(scores[is_bonafide], scores[~is_bonafide])[0]


def resampled(rng, is_bonafide):
    """Indices of a bootstrap sample of trials, each class resampled separately."""
    classes = (np.flatnonzero(is_bonafide), np.flatnonzero(~is_bonafide))
    return np.concatenate([rng.choice(members, members.size) for members in classes])


@pytest.mark.parametrize(
    ("bonafide_speakers", "spoof_speakers", "unit"),
    [
        (list("abcdef"), list("abcdef"), "speaker"),
        (list("abcdef"), list("ghijkl"), "trial"),  # one trial a speaker: the same thing
        (list("abcdef"), list("gggggg"), "trial"),  # one spoofed voice has no spread
    ],
)
def test_the_unit_is_the_speaker_if_that_shows_spread(bonafide_speakers, spoof_speakers, unit):
    scores, is_bonafide = np.arange(12.0), np.arange(12) < 6
    found = choose_resampling_units([scores], is_bonafide, bonafide_speakers + spoof_speakers)
    assert found.name == unit
    assert choose_resampling_units([scores], is_bonafide, None).name == "trial"


def test_speakers_are_resampled_by_their_classes():
    is_bonafide = np.array([True] * 12 + [False] * 13)
    speakers = list("aabcdefghijj") + list("abcdeklmnnooo")
    units = choose_resampling_units([np.arange(25.0)], is_bonafide, speakers)
    assert [stratum.single.tolist() for stratum in units.strata] == [
        [5, 6, 7, 8, 9],
        [10, 11, 12, 13, 14],
        [0, 1, 2, 3, 4],
    ]
    (weights,) = units.resample(np.random.default_rng(0), 300)
    assert weights.shape == (15, 300)
    for stratum in units.strata:
        assert set(weights[stratum.single].sum(axis=0)) == {stratum.single.size}
        assert weights[stratum.single].mean(axis=1) == pytest.approx(1, abs=0.2)


def test_a_kind_of_few_speakers_is_resampled_with_all_the_others():
    """One voice that has most trials of both classes must be missing from some samples."""
    is_bonafide = np.array([True] * 44 + [False] * 44)
    speakers = ["x"] * 40 + list("abcd") + ["x"] * 40 + list("efgh")
    units = choose_resampling_units([np.arange(88.0)], is_bonafide, speakers)
    assert [stratum.single.tolist() for stratum in units.strata] == [list(range(9))]
    (weights,) = units.resample(np.random.default_rng(0), 4000)
    assert set(weights.sum(axis=0)) == {9}
    assert (weights[8] == 0).mean() == pytest.approx((8 / 9) ** 9, abs=0.03)
    assert (weights[[0, 1, 2, 3, 8]].sum(axis=0) > 0).all()  # bona fide
    assert (weights[4:].sum(axis=0) > 0).all()  # spoofs


def test_samples_are_the_same_in_small_batches(monkeypatch):
    scores, is_bonafide = trials(0, 40, 60, 1.0)
    units = choose_resampling_units([scores], is_bonafide, None)
    (whole,) = units.resample(np.random.default_rng(0), 30)
    monkeypatch.setattr(module, "WEIGHTS_AT_ONCE", 7 * units.trials.size)
    parts = list(units.resample(np.random.default_rng(0), 30))
    assert [part.shape[1] for part in parts] == [7, 7, 7, 7, 2]
    assert np.concatenate(parts, axis=1).tolist() == whole.tolist()


def test_every_outcome_of_tiny_trials_comes_as_often_as_it_should():
    bonafide, spoof = [1.0, 1.0, 3.0], [0.0, 1.0, 2.0]
    scores, is_bonafide = np.array(bonafide + spoof), np.arange(6) < 3
    outcomes = [eer(b, s)[0] for b in product(bonafide, repeat=3) for s in product(spoof, repeat=3)]
    values, expected = np.unique(np.round(outcomes, 9), return_counts=True)
    units = choose_resampling_units([scores], is_bonafide, None)
    (found,) = bootstrap_eers([scores], is_bonafide, units, 7290, seed=0)
    counts = [(np.round(found, 9) == value).sum() for value in values]
    assert sum(counts) == 7290, "an EER that no sample can have"
    assert chisquare(counts, 10 * expected).pvalue > 0.001


def merged_weights(scores, is_bonafide, units, drawn):
    """Weights (U, 1) of a sample (indices of trials), by the unit of every trial."""
    low, high = _window(scores[is_bonafide], scores[~is_bonafide])
    seen = np.clip(scores, low, np.nextafter(high, np.inf))
    place = {(seen[trial], is_bonafide[trial]): at for at, trial in enumerate(units.trials)}
    numbers = [place[key] for key in zip(seen[drawn], is_bonafide[drawn], strict=True)]
    return np.bincount(numbers, minlength=units.trials.size)[:, None].astype(float)


@pytest.mark.parametrize(
    ("bonafide", "spoof", "distance", "decimals"),
    [(3000, 3000, 2.0, 9), (300, 6000, 3.0, 9), (5000, 100, -1.0, 9), (2000, 2000, 1.0, 1)],
)
def test_merged_trials_have_the_eer_of_all_trials_in_every_sample(
    bonafide, spoof, distance, decimals
):
    scores, is_bonafide = trials(3, bonafide, spoof, distance)
    scores = np.round(scores, decimals)
    units = choose_resampling_units([scores], is_bonafide, None)
    assert units.trials.size < 0.75 * scores.size
    merged = ResampledEers(scores[units.trials], is_bonafide[units.trials], units.numbers)
    rng = np.random.default_rng(4)
    for _ in range(50):
        drawn = resampled(rng, is_bonafide)
        found = merged(merged_weights(scores, is_bonafide, units, drawn))
        assert found.item() == eer_of(scores[drawn], is_bonafide[drawn])


def test_merged_trials_are_resampled_as_all_trials_are():
    scores, is_bonafide = trials(5, 2000, 6000, 2.0)
    systems = [scores, scores + 0.5 * np.random.default_rng(6).normal(size=scores.size)]
    units = choose_resampling_units(systems, is_bonafide, None)
    assert units.trials.size < scores.size / 2
    found = bootstrap_eers(systems, is_bonafide, units, 2000, seed=0)
    rng = np.random.default_rng(7)
    expected = np.empty((2, 1000))
    for draw in range(1000):
        drawn = resampled(rng, is_bonafide)
        expected[:, draw] = [eer_of(system[drawn], is_bonafide[drawn]) for system in systems]
    for ours, theirs in [
        *zip(found, expected, strict=True),
        (found[0] - found[1], -np.diff(expected.T)[:, 0]),
    ]:
        assert ks_2samp(ours, theirs).pvalue > 0.01
    assert np.corrcoef(found)[0, 1] == pytest.approx(np.corrcoef(expected)[0, 1], abs=0.05)


def test_a_class_far_from_the_eer_is_resampled_too():
    """Half of the spoofs below and half above: near the EER there are only bona fide trials."""
    scores = np.concatenate([np.linspace(2, 8, 4000), np.repeat([0.0, 10.0], 2000)])
    is_bonafide = np.arange(8000) < 4000
    units = choose_resampling_units([scores], is_bonafide, None)
    assert [stratum.single.size > 0 for stratum in units.strata] == [True, False]
    (found,) = bootstrap_eers([scores], is_bonafide, units, 400, seed=0)
    assert found.mean() == pytest.approx(0.5, abs=0.002)
    assert found.std() == pytest.approx(0.5 / np.sqrt(4000), rel=0.15)  # only the spoofs' share
