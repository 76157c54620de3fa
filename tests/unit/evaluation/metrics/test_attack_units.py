import numpy as np
import pytest
from scipy.special import ndtr

from fad.evaluation.metrics.attack_units import CrossedUnits, cross_with_attacks
from fad.evaluation.metrics.bootstrap import eer_interval
from fad.evaluation.metrics.bootstrap_eer import bootstrap_eers
from fad.evaluation.metrics.bootstrap_units import choose_resampling_units
from fad.evaluation.metrics.eer import eer

ATTACKS, SPEAKERS, TRIALS = 8, 12, 3  # trials of each speaker by each attack


def simulated(seed, attack_effect):
    """Scores, classes, speakers and attacks: each attack moves the scores of its spoofs."""
    rng = np.random.default_rng(seed)
    attack, speaker, _ = np.indices((ATTACKS, SPEAKERS, TRIALS)).reshape(3, -1)
    effects = rng.normal(0, attack_effect, ATTACKS)
    spoof = -1 + effects[attack] + rng.normal(size=attack.size)
    bonafide = 1 + rng.normal(size=attack.size)
    return (
        bonafide,
        spoof,
        np.char.add("s", speaker.astype(str)),
        np.char.add("A", attack.astype(str)),
    )


def interval(seed, effect, **options):
    bonafide, spoof, speakers, attacks = simulated(seed, effect)
    options["spoof_attacks"] = attacks if options.pop("draw_attacks") else None
    return eer_interval(bonafide, spoof, speakers, speakers, **options)


def test_a_sample_counts_each_spoof_as_often_as_its_speaker_times_its_attack():
    """The EERs are those of trials that are put together again for each sample."""
    bonafide, spoof, speakers, attacks = simulated(1, 0.7)
    scores, is_bonafide = np.concatenate([bonafide, spoof]), np.arange(2 * spoof.size) < spoof.size
    both = np.concatenate([speakers, speakers])
    inner = choose_resampling_units([scores], is_bonafide, both, merge=False)
    units = cross_with_attacks(inner, is_bonafide, np.concatenate([attacks, attacks]))
    assert isinstance(units, CrossedUnits)
    (found,) = bootstrap_eers([scores], is_bonafide, units, 20, seed=3)
    (weights,) = units.resample(np.random.default_rng(3), 20)
    for sample, rate in zip(weights.T, found, strict=True):
        times = sample[units.numbers].astype(int)
        again = np.repeat(scores, times), np.repeat(is_bonafide, times)
        assert rate == pytest.approx(eer(again[0][again[1]], again[0][~again[1]])[0], abs=1e-12)
        by_attack = times[~is_bonafide].reshape(ATTACKS, SPEAKERS, TRIALS)
        of_speaker = times[is_bonafide].reshape(ATTACKS, SPEAKERS, TRIALS)
        factor = by_attack.sum((1, 2)) / of_speaker[0].sum()
        assert np.array_equal(by_attack, factor[:, None, None].round() * of_speaker)
        assert factor.sum() == pytest.approx(ATTACKS)


def test_it_holds_for_other_attacks_where_speakers_alone_do_not():
    """Of 60 simulations; the true EER is that of endless attacks, from a numeric inversion."""
    effect = 1.0
    grid = np.linspace(-3, 3, 60_001)
    fa, miss = ndtr((-1 - grid) / np.sqrt(1 + effect**2)), ndtr(grid - 1)
    truth = fa[np.argmin(np.abs(fa - miss))]

    def held(draw_attacks):
        found = [
            interval(seed, effect, draw_attacks=draw_attacks, resamples=100) for seed in range(60)
        ]
        return sum(one.low <= truth <= one.high for one in found)

    assert held(draw_attacks=True) >= 53
    assert held(draw_attacks=False) <= 40


def test_trials_are_drawn_where_speakers_are_not_known():
    bonafide, spoof, _, attacks = simulated(2, 0.7)
    found = eer_interval(bonafide, spoof, spoof_attacks=attacks)
    assert (found.unit, found.num_units, found.num_attacks) == ("trial", 2 * spoof.size, ATTACKS)
    assert found.low < eer(bonafide, spoof)[0] < found.high


def test_few_attacks_are_not_drawn():
    bonafide, spoof, _, attacks = simulated(2, 0.7)
    few = attacks <= "A3"
    found = eer_interval(bonafide, spoof[few], spoof_attacks=attacks[few])
    assert (found.unit, found.num_attacks) == ("trial", None)
