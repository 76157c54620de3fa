import itertools

import numpy as np
import pytest

from fad.evaluation.metrics.det import det_curve, operating_points, probit


def test_tied_trials_are_one_step():
    points = operating_points([1.0, 1.0, 2.0], [1.0, 0.0])
    assert points.thresholds[1:].tolist() == [0.0, 1.0, 2.0]
    assert points.misses.tolist() == [0, 0, 2, 3]
    assert points.false_alarms.tolist() == [2, 1, 0, 0]


def test_each_point_is_what_its_threshold_gives():
    rng = np.random.default_rng(3)
    bonafide, spoof = rng.integers(0, 9, 40) / 4, rng.integers(-3, 6, 60) / 4
    points = operating_points(bonafide, spoof)
    for index, threshold in enumerate(points.thresholds):
        assert points.misses[index] == np.sum(bonafide <= threshold)
        assert points.false_alarms[index] == np.sum(spoof > threshold)
    assert points.misses[0] == 0 and points.false_alarms[0] == 60


def test_curve_keeps_corners_only_and_the_same_staircase():
    rng = np.random.default_rng(4)
    bonafide, spoof = rng.normal(1, 1, 300), rng.normal(-1, 1, 500)
    points = operating_points(bonafide, spoof)
    false_alarm, miss = det_curve(bonafide, spoof)
    assert len(miss) < 300
    full = set(zip(points.false_alarm_rate, points.miss_rate, strict=True))
    corners = list(zip(false_alarm, miss, strict=True))
    assert set(corners) <= full and corners[0] == (1, 0) and corners[-1] == (0, 1)
    for far, frr in full:  # each dropped point lies on a straight run between two corners
        runs = itertools.pairwise(corners)
        assert any(a[0] >= far >= b[0] and a[1] <= frr <= b[1] for a, b in runs)
        same_far = [m for f, m in corners if f == far]
        same_frr = [f for f, m in corners if m == frr]
        assert (same_far and min(same_far) <= frr <= max(same_far)) or (
            same_frr and min(same_frr) <= far <= max(same_frr)
        )


def test_probit_is_symmetric_and_finite_at_the_ends():
    np.testing.assert_allclose(probit([0.5, 0.1, 0.9]), [0, -1.2815516, 1.2815516], atol=1e-6)
    assert np.isfinite(probit([0.0, 1.0])).all()


@pytest.mark.parametrize(
    ("bonafide", "spoof", "message"),
    [
        ([], [1.0], "no bona fide scores"),
        ([1.0], [], "no spoof scores"),
        (
            [1.0, np.nan],
            [0.0],
            r"1 of 2 bona fide scores are not finite, or over 1e\+300; the first is nan",
        ),
        ([1.0], [0.0, 1.0, -np.inf], "the first is -inf at index 2"),
        ([1.0], [-1.7e308], r"or over 1e\+300; the first is -1.7e\+308"),
        ([[1.0]], [0.0], "must be a vector"),
    ],
)
def test_bad_scores_are_refused(bonafide, spoof, message):
    with pytest.raises(ValueError, match=message):
        operating_points(bonafide, spoof)
