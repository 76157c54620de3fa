import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fad.evaluation.metrics.decisions import auc, decisions_at
from fad.evaluation.metrics.eer import eer

SCORES = st.lists(st.integers(-4, 4), min_size=1, max_size=12)


@settings(deadline=None, derandomize=True)
@given(SCORES, SCORES)
def test_auc_counts_pairs(bonafide, spoof):
    won = sum((b > s) + (b == s) / 2 for b in bonafide for s in spoof)
    assert auc(bonafide, spoof) == pytest.approx(won / len(bonafide) / len(spoof), abs=1e-12)


def test_auc_is_the_area_under_the_roc(real):
    thresholds = np.sort(np.concatenate([real.scores, [-np.inf]]))
    far = 1 - np.searchsorted(np.sort(real.spoof), thresholds, side="right") / real.spoof.size
    hit = 1 - np.searchsorted(np.sort(real.bonafide), thresholds, side="right") / real.bonafide.size
    assert auc(real.bonafide, real.spoof) == pytest.approx(-np.trapezoid(hit, far), abs=1e-12)


def test_auc_at_0_50_and_100_percent():
    low, high = [-2.0, -1.0, 0.0], [1.0, 2.0]
    assert auc(high, low) == 1.0
    assert auc(low, high) == 0.0
    assert auc([3.0] * 5, [3.0] * 7) == 0.5


def test_auc_of_normal_scores():
    rng = np.random.default_rng(8)
    bonafide, spoof = rng.normal(1, 1, 50_000), rng.normal(0, 1, 50_000)
    expected = (1 + math.erf(1 / 2)) / 2  # P(difference of mean 1, variance 2 is positive)
    assert auc(bonafide, spoof) == pytest.approx(expected, abs=0.005)


@settings(deadline=None, derandomize=True)
@given(SCORES, SCORES, st.integers(-5, 5))
def test_decisions_equal_a_count_trial_by_trial(bonafide, spoof, threshold):
    found = decisions_at(bonafide, spoof, threshold)
    judged = [(True, score > threshold) for score in bonafide]
    judged += [(False, score > threshold) for score in spoof]
    assert found.threshold == threshold
    assert found.accuracy == pytest.approx(np.mean([is_real == said for is_real, said in judged]))
    assert found.p_miss == pytest.approx(np.mean([not said for is_real, said in judged if is_real]))
    assert found.p_fa == pytest.approx(np.mean([said for is_real, said in judged if not is_real]))
    recalls = (1 - found.p_miss, 1 - found.p_fa)
    assert found.balanced_accuracy == pytest.approx(sum(recalls) / 2)
    detected = [is_real for is_real, said in judged if not said]
    if not any(not is_real for is_real in detected):
        assert found.f1 == 0
    else:
        precision = np.mean([not is_real for is_real in detected])
        expected = 2 * precision * recalls[1] / (precision + recalls[1])
        assert found.f1 == pytest.approx(expected)


def test_decisions_at_0_and_at_100_percent():
    low, high = [-2.0, -1.0], [1.0, 2.0, 3.0]
    right = decisions_at(high, low, 0.0)
    assert (right.accuracy, right.balanced_accuracy, right.f1) == (1.0, 1.0, 1.0)
    assert (right.p_miss, right.p_fa) == (0.0, 0.0)
    wrong = decisions_at(low, high, 0.0)
    assert (wrong.accuracy, wrong.balanced_accuracy, wrong.f1) == (0.0, 0.0, 0.0)
    assert (wrong.p_miss, wrong.p_fa) == (1.0, 1.0)


def test_f1_is_that_of_the_spoofs():
    # 1 of 2 spoofs detected, and 1 of 6 bona fide trials: precision 1/2, recall 1/2
    found = decisions_at([0, 2, 2, 2, 2, 2], [0, 2], 1.0)
    assert found.f1 == pytest.approx(0.5)
    assert found.accuracy == pytest.approx(6 / 8)


def test_where_no_spoof_is_detected_f1_is_0():
    assert decisions_at([1.0], [1.0, 2.0], 0.0).f1 == 0.0
    assert decisions_at([1.0], [1.0, 2.0], 0.0).p_fa == 1.0


def test_a_score_at_the_threshold_is_rejected_as_at_the_threshold_of_the_eer(real):
    assert decisions_at([1.0], [1.0], 1.0).p_miss == 1.0
    rate, threshold = eer(real.bonafide, real.spoof)
    found = decisions_at(real.bonafide, real.spoof, threshold)
    assert (found.p_miss + found.p_fa) / 2 == rate
    assert found.balanced_accuracy == pytest.approx(1 - rate)


@pytest.mark.parametrize("threshold", [math.nan, math.inf, -math.inf])
def test_a_threshold_that_is_no_number_is_refused(threshold):
    with pytest.raises(ValueError, match="the threshold must be a finite number"):
        decisions_at([1.0], [0.0], threshold)


@pytest.mark.parametrize("metric", [auc, lambda b, s: decisions_at(b, s, 0.0)])
def test_bad_scores_are_refused(metric):
    with pytest.raises(ValueError, match="no bona fide scores"):
        metric([], [0.0])
    with pytest.raises(ValueError, match="no spoof scores"):
        metric([0.0], [])
    with pytest.raises(ValueError, match="not finite"):
        metric([math.nan], [0.0])
    with pytest.raises(ValueError, match="not finite"):
        metric([0.0], [math.inf])
