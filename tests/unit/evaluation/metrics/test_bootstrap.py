import numpy as np
import pytest
from scipy.stats import norm, t

from fad.evaluation.metrics.bootstrap import eer_interval
from fad.evaluation.metrics.eer import eer
from tests.bench.coverage import covered


def gaussian(seed, count=400, distance=2.0):
    rng = np.random.default_rng(seed)
    return rng.normal(distance, 1, count), rng.normal(0, 1, count)


def expanded(ends, rate, units):
    """Away from the EER on the probit scale, as Student's quantile and the missing degree say."""
    factor = t.ppf(0.975, units - 1) / norm.ppf(0.975) * (units / (units - 1)) ** 0.5
    return norm.cdf(norm.ppf(rate) + factor * (norm.ppf(ends) - norm.ppf(rate)))


def brute_force(bonafide, spoof, bonafide_speakers, spoof_speakers, resamples, seed):
    """EERs of draws of speakers, whose trials are put together again for each draw."""
    rng = np.random.default_rng(seed)
    shared = np.intersect1d(bonafide_speakers, spoof_speakers)
    kinds = (
        np.setdiff1d(bonafide_speakers, shared),
        np.setdiff1d(spoof_speakers, shared),
        shared,
    )
    rates = []
    for _ in range(resamples):
        drawn = [kind[rng.integers(kind.size, size=kind.size)] for kind in kinds if kind.size]
        names = np.concatenate(drawn)
        classes = ((bonafide, bonafide_speakers), (spoof, spoof_speakers))
        trials = (np.concatenate([s[of == name] for name in names]) for s, of in classes)
        rates.append(eer(*trials)[0])
    return np.quantile(rates, [0.025, 0.975])


@pytest.mark.parametrize("decimals", [0, 6])
@pytest.mark.parametrize("first_spoof_speaker", [0, 10, 30])  # all shared, some, none
def test_the_interval_over_speakers_is_that_of_resampled_trials(first_spoof_speaker, decimals):
    rng = np.random.default_rng(first_spoof_speaker)
    bonafide, spoof = (np.round(scores, decimals) for scores in gaussian(3, 300, 1.0))
    speakers = (rng.integers(0, 30, 300), first_spoof_speaker + rng.integers(0, 30, 300))
    found = eer_interval(bonafide, spoof, *speakers, resamples=60, seed=4)
    ends = brute_force(bonafide, spoof, *speakers, resamples=60, seed=4)
    units = min(np.unique(names).size for names in speakers)
    assert (found.low, found.high) == pytest.approx(
        expanded(ends, eer(bonafide, spoof)[0], units), abs=1e-12
    )


@pytest.mark.parametrize(("speakers", "effect"), [(5, 0.5), (10, 1.0)])
def test_intervals_over_few_speakers_hold_the_true_eer_as_often_as_they_say(speakers, effect):
    """Of 150 simulations 95 % is 142.5, with a deviation of 2.7; before, 84 % held."""
    assert 0.91 <= covered(speakers, effect, 150) <= 0.995


def test_the_interval_of_real_scores_is_that_of_resampled_trials(real):
    spoof = real.scores[real.attacks == "A18"]
    found = eer_interval(real.bonafide, spoof, resamples=2000)
    rng = np.random.default_rng(0)
    rates = [
        eer(rng.choice(real.bonafide, real.bonafide.size), rng.choice(spoof, spoof.size))[0]
        for _ in range(300)
    ]
    low, high = np.quantile(rates, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=4e-4)
    assert found.high == pytest.approx(high, abs=4e-4)
    assert (found.high - found.low) == pytest.approx(3.92 * np.std(rates), rel=0.1)


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


def test_perfect_scores_have_an_empty_interval_and_bad_ones_are_refused():
    interval = eer_interval([1.0, 2.0], [0.0, -1.0])
    assert (interval.low, interval.high) == (0.0, 0.0)
    with pytest.raises(ValueError, match="no spoof scores"):
        eer_interval([1.0], [])
