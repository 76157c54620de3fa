import numpy as np
import pytest
from scipy.stats import false_discovery_control, norm, t

from fad.evaluation.metrics import paired
from fad.evaluation.metrics.eer import eer
from fad.evaluation.metrics.paired import holm, interval_rank, p_value, paired_tests


def two_systems(seed, noise=(0.7, 0.7), count=600):
    """Scores of two systems that hear the same trials, each with noise of its own."""
    rng = np.random.default_rng(seed)
    is_bonafide = np.arange(count) < count // 3
    shared = rng.normal(2.0 * is_bonafide, 1)
    return [shared + scale * rng.normal(size=count) for scale in noise], is_bonafide


def compare(systems, is_bonafide, **options):
    (found,) = paired_tests(systems, is_bonafide, **options)
    return found


def test_it_equals_brute_force_over_speakers():
    systems, is_bonafide = two_systems(0, (0.5, 1.0), 300)
    speakers = np.arange(300) % 20  # every one has both classes
    found = compare(systems, is_bonafide, speakers=speakers, resamples=99, seed=3)
    rng = np.random.default_rng(3)
    draws = []
    for _ in range(99):
        drawn = rng.integers(20, size=20)
        trials = np.concatenate([np.flatnonzero(speakers == name) for name in drawn])
        kinds = is_bonafide[trials]
        first, second = (eer(s[trials][kinds], s[trials][~kinds])[0] for s in systems)
        draws.append(first - second)
    rates = [eer(s[is_bonafide], s[~is_bonafide])[0] for s in systems]
    wider = t.ppf(0.975, 19) / norm.ppf(0.975) * (20 / 19) ** 0.5
    middle = rates[0] - rates[1]
    draws = sorted(middle + wider * (d - middle) for d in draws)
    assert (found.interval.low, found.interval.high) == pytest.approx((draws[1], draws[-2]))
    sides = min(sum(d <= 1e-12 for d in draws), sum(d >= -1e-12 for d in draws))
    assert found.p_value == min(1.0, 2 * (1 + sides) / 100)
    assert found.difference == pytest.approx(middle, abs=1e-13)
    assert (found.interval.unit, found.interval.num_units) == ("speaker", 20)


def test_equal_systems_are_not_told_apart_about_as_often_as_promised():
    found = [compare(*two_systems(seed), resamples=199) for seed in range(300)]
    alarms = sum(test.p_value <= 0.05 for test in found)
    assert 3 <= alarms <= 27  # 5 % of 300 is 15, with a deviation of 3.8
    assert alarms == sum(not test.interval.low <= 0 <= test.interval.high for test in found)
    small = sum(test.p_value <= 0.5 for test in found)
    assert 110 <= small <= 190  # p is about uniform


def test_equal_systems_on_few_speakers_are_told_apart_no_more_often_than_promised():
    """Of 150 simulations 5 % is 7.5, with a deviation of 2.7; before, 19 were told apart."""
    is_bonafide, speakers = np.arange(200) < 100, np.repeat(np.arange(10), 20)
    alarms = 0
    for seed in range(150):
        rng = np.random.default_rng([seed, 5])
        shared = 2.0 * is_bonafide + rng.normal(size=200) * 0.7
        systems = [
            shared + rng.normal(size=10)[speakers] + 0.7 * rng.normal(size=200) for _ in range(2)
        ]
        found = compare(systems, is_bonafide, speakers=speakers, resamples=199)
        alarms += found.p_value <= 0.05
    assert alarms <= 12


def test_the_interval_covers_the_true_difference():
    noise = (0.3, 1.2)
    systems, is_bonafide = two_systems(10_000, noise, 600_000)
    first, second = (eer(s[is_bonafide], s[~is_bonafide])[0] for s in systems)
    found = [compare(*two_systems(seed, noise), resamples=199) for seed in range(200)]
    covered = sum(t.interval.low <= first - second <= t.interval.high for t in found)
    assert 180 <= covered <= 199
    assert sum(test.p_value <= 0.05 for test in found) > 150  # power: the second is worse


def test_pairing_sees_what_two_intervals_do_not():
    """A small gain on every trial: the two systems' own intervals overlap widely."""
    rng = np.random.default_rng(1)
    is_bonafide = np.arange(2000) < 1000
    scores = rng.normal(2.0 * is_bonafide, 1)
    found = compare([scores - 0.15 * is_bonafide * (scores < 1.2), scores], is_bonafide)
    assert found.p_value <= 0.002
    assert 0 < found.interval.low < found.difference < found.interval.high < 0.05


def test_identical_systems_have_no_difference_at_all():
    (scores, _), is_bonafide = two_systems(2)
    found = compare([scores, 2 * scores + 1], is_bonafide, resamples=199)
    assert (found.difference, found.interval.low, found.interval.high) == (0, 0, 0)
    assert found.p_value == 1


def test_perfect_against_inverted():
    is_bonafide = np.arange(40) < 20
    scores = np.where(is_bonafide, 1.0, -1.0)
    found = compare([scores, -scores], is_bonafide, resamples=999)
    assert (found.difference, found.interval.low, found.interval.high) == (-1, -1, -1)
    assert found.p_value == 0.002  # 2 / 1000: no draw can show less


def test_swapping_the_systems_mirrors_the_result():
    systems, is_bonafide = two_systems(3)
    there = compare(systems, is_bonafide, resamples=199)
    back = compare(systems[::-1], is_bonafide, resamples=199)
    assert (back.difference, back.p_value) == (-there.difference, there.p_value)
    assert back.interval.low == pytest.approx(-there.interval.high)


def test_all_pairs_of_three_systems_come_from_one_set_of_draws():
    systems, is_bonafide = two_systems(4, (0.2, 0.7, 1.5))
    speakers = np.arange(600) % 50
    found = paired_tests(systems, is_bonafide, speakers, resamples=199)
    assert [(test.first, test.second) for test in found] == [(0, 1), (0, 2), (1, 2)]
    alone = compare([systems[0], systems[2]], is_bonafide, speakers=speakers, resamples=199)
    assert (alone.interval, alone.p_value) == (found[1].interval, found[1].p_value)


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.99])
def test_interval_and_p_value_never_contradict_each_other(level):
    rng = np.random.default_rng(5)
    rank = interval_rank(999, level)
    for shift in np.linspace(0.5, 3.5, 200):
        draws = np.sort(rng.normal(shift, 1, 999))
        holds_0 = draws[rank - 1] <= 0 <= draws[-rank]
        assert holds_0 == (p_value(draws) > 1 - level + 1e-12)


def test_holm_equals_its_definition_and_is_no_weaker_than_it_should_be():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5]) == [0.5]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    values = np.random.default_rng(6).uniform(size=8)
    corrected = np.array(holm(values))
    assert (corrected <= np.minimum(8 * values, 1)).all()  # Bonferroni's are larger
    assert (corrected >= false_discovery_control(values)).all()  # those of Benjamini-Hochberg not
    assert (np.argsort(values) == np.argsort(corrected, kind="stable")).all() or 1.0 in corrected


@pytest.mark.parametrize(
    ("systems", "options", "message"),
    [
        ([[1.0, 2.0]], {}, "two systems or more"),
        ([[1.0, 2.0], [1.0]], {}, "same trials"),
        ([[1.0, 2.0], [1.0, np.nan]], {}, "system 1 scores are not finite"),
        ([[1.0, 2.0], [1.0, 2.0]], {"resamples": 38}, "too few: level 0.95 needs 39"),
        ([[1.0, 2.0], [1.0, 2.0]], {"level": 1.0}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(systems, options, message):
    with pytest.raises(ValueError, match=message):
        paired_tests(systems, [True, False], **options)


def test_one_class_alone_is_refused():
    with pytest.raises(ValueError, match="no spoof scores"):
        paired_tests([[1.0, 2.0], [3.0, 4.0]], [True, True])


def test_the_default_draws_make_round_numbers():
    assert interval_rank(paired.RESAMPLES, 0.95) == 50
    assert 2 / (paired.RESAMPLES + 1) == 0.001
