import numpy as np
import pytest

from fad.evaluation.sasv.operating_points import verifier_points


def test_each_point_is_what_its_threshold_gives():
    rng = np.random.default_rng(3)
    kinds = [rng.integers(low, low + 9, size) / 4 for low, size in ((0, 40), (-4, 60), (-2, 30))]
    target, nontarget, spoof = kinds
    points = verifier_points(*kinds)
    assert points.thresholds[1:].tolist() == sorted(set(np.concatenate(kinds).tolist()))
    for index, threshold in enumerate(points.thresholds):
        assert points.miss_rate[index] == pytest.approx(np.mean(target <= threshold))
        assert points.false_alarm_rate[index] == pytest.approx(np.mean(nontarget > threshold))
        assert points.spoof_false_alarm_rate[index] == pytest.approx(np.mean(spoof > threshold))


def test_the_first_point_accepts_all_and_the_last_rejects_all():
    points = verifier_points([1.0, 1.0], [1.0], [1.0])
    rates = (points.miss_rate, points.false_alarm_rate, points.spoof_false_alarm_rate)
    assert [rate.tolist() for rate in rates] == [[0, 1], [1, 0], [1, 0]]
    assert points.thresholds[0] < 1.0 == points.thresholds[1]


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (([], [0.0], [0.0]), "no target scores"),
        (([0.0], [], [0.0]), "no non-target scores"),
        (([0.0], [0.0], []), "no spoof scores"),
        (([np.nan], [0.0], [0.0]), "target scores are not finite"),
        (([0.0], [0.0, np.inf], [0.0]), "1 of 2 non-target scores are not finite"),
    ],
)
def test_bad_scores_are_refused(kinds, message):
    with pytest.raises(ValueError, match=message):
        verifier_points(*kinds)
