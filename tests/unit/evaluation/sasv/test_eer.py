import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import interp1d
from scipy.optimize import brentq

from fad.evaluation.metrics.eer import eer
from fad.evaluation.sasv.eer import sasv_eers

SCORES = st.lists(st.integers(-4, 4), min_size=1, max_size=12)


def corners(accepted, rejected):
    """(miss rate, false alarm rate) of every threshold, in exact fractions."""
    for threshold in [-5, *sorted(set(accepted) | set(rejected))]:
        miss = Fraction(sum(score <= threshold for score in accepted), len(accepted))
        yield miss, Fraction(sum(score > threshold for score in rejected), len(rejected))


def crossing(accepted, rejected):
    """Where the polyline through the corners meets the diagonal, by the equation of each line."""
    for (miss, far), (next_miss, next_far) in pairwise(corners(accepted, rejected)):
        if miss <= far and next_miss >= next_far:
            along = (far - miss) / ((next_miss - miss) + (far - next_far))
            return float(miss + along * (next_miss - miss))
    raise AssertionError("it must meet the diagonal")


@settings(deadline=None, derandomize=True)
@given(SCORES, SCORES, SCORES)
def test_equals_brute_force_with_ties(target, nontarget, spoof):
    found = sasv_eers(target, nontarget, spoof)
    assert found.sasv == pytest.approx(crossing(target, nontarget + spoof), abs=1e-12)
    assert found.sv == pytest.approx(crossing(target, nontarget), abs=1e-12)
    assert found.spf == pytest.approx(crossing(target, spoof), abs=1e-12)


def test_equals_a_root_of_the_interpolated_roc(real):
    """The challenge's way, by root finding, on the ASV scores of ASVspoof 2019."""
    found = sasv_eers(**real.asv)
    others = np.concatenate([real.asv["nontarget"], real.asv["spoof"]])
    for rate, rejected in (
        (found.sasv, others),
        (found.sv, real.asv["nontarget"]),
        (found.spf, real.asv["spoof"]),
    ):
        accepted = real.asv["target"]
        thresholds = np.unique(np.concatenate([accepted, rejected, [-1e9]]))[::-1]
        fpr = [1 - np.searchsorted(np.sort(rejected), thresholds, side="right") / rejected.size]
        tpr = [1 - np.searchsorted(np.sort(accepted), thresholds, side="right") / accepted.size]
        roc = interp1d(fpr[0], tpr[0])
        assert rate == pytest.approx(brentq(lambda x, roc=roc: 1 - x - roc(x), 0, 1), abs=1e-9)


def test_lies_within_half_a_step_of_the_nearest_point(real):
    target, nontarget = real.asv["target"], real.asv["nontarget"]
    step = 1 / target.size + 1 / nontarget.size
    found = sasv_eers(target, nontarget, real.asv["spoof"])
    assert abs(found.sv - eer(target, nontarget)[0]) <= step / 2


def test_at_0_50_and_100_percent():
    low, high = [-2.0, -1.0, 0.0], [1.0, 2.0]
    right = sasv_eers(high, low, low)
    assert (right.sasv, right.sv, right.spf) == (0.0, 0.0, 0.0)
    wrong = sasv_eers(low, high, high)
    assert (wrong.sasv, wrong.sv, wrong.spf) == (1.0, 1.0, 1.0)
    tied = sasv_eers([1.0] * 3, [1.0] * 2, [1.0] * 7)
    assert (tied.sasv, tied.sv, tied.spf) == (0.5, 0.5, 0.5)


def test_a_verifier_that_spoofs_fool():
    found = sasv_eers([1.0, 2.0], [-2.0, -1.0], [3.0, 4.0])
    assert (found.sv, found.spf) == (0.0, 1.0)
    # targets lie above 2 of the 4 others: the line from (0, 1/2) to (1, 1/2) has 1/2
    assert found.sasv == 0.5


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_bad_scores_are_refused(missing):
    name = ("target", "non-target", "spoof")[missing]
    for scores, message in (([], f"no {name} scores"), ([math.nan], f"{name} scores are not fin")):
        kinds = [[0.0], [0.0], [0.0]]
        kinds[missing] = scores
        with pytest.raises(ValueError, match=message):
            sasv_eers(*kinds)
