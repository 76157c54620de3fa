import statistics

import pytest

from fad.evaluation.metrics.seeds import SeedSummary, mean_interval, summarise_seeds


def test_three_seeds():
    values = [0.031, 0.012, 0.02]
    found = summarise_seeds(values)
    assert found.mean == pytest.approx(statistics.fmean(values))
    assert found.deviation == pytest.approx(statistics.stdev(values))  # n - 1
    assert (found.best, found.count) == (0.012, 3)


def test_one_seed_has_no_deviation_and_equal_seeds_have_none_to_speak_of():
    assert summarise_seeds([0.25]) == SeedSummary(0.25, None, 0.25, 1)
    assert summarise_seeds([0.5, 0.5]) == SeedSummary(0.5, 0.0, 0.5, 2)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_0_and_100_percent(value):
    assert summarise_seeds([value] * 3) == SeedSummary(value, 0.0, value, 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [([], "no values"), ([0.1, float("nan")], "not finite"), ([float("inf")], "not finite")],
)
def test_what_has_no_mean_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        summarise_seeds(values)


def test_the_interval_of_a_mean_is_students():
    # Of 3 values t is 4.302653 (95 %) or 9.924843 (99 %); of 2 values 12.706205.
    values = [0.031, 0.012, 0.02]
    half = statistics.stdev(values) / 3**0.5
    low, high = mean_interval(values)
    assert (low + high) / 2 == pytest.approx(statistics.fmean(values))
    assert (high - low) / 2 == pytest.approx(4.302653 * half)
    low, high = mean_interval(values, 0.99)
    assert (high - low) / 2 == pytest.approx(9.924843 * half)
    low, high = mean_interval([1.0, 3.0])
    assert (high - low) / 2 == pytest.approx(12.706205)


def test_one_seed_has_no_interval_and_equal_ones_a_point():
    assert mean_interval([0.2]) is None
    assert mean_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])
