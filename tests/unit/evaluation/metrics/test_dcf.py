import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fad.evaluation.metrics.dcf import DcfCosts, act_dcf, min_dcf

SCORES = st.lists(st.integers(-4, 4), min_size=1, max_size=12)


def cost_at(bonafide, spoof, accept, p_spoof=0.05, c_miss=1, c_fa=10):
    miss = sum(not accept(score) for score in bonafide) / len(bonafide)
    false_alarm = sum(accept(score) for score in spoof) / len(spoof)
    cost = c_miss * (1 - p_spoof) * miss + c_fa * p_spoof * false_alarm
    return cost / min(c_miss * (1 - p_spoof), c_fa * p_spoof)


def test_official_values(real):
    assert f"{min_dcf(real.bonafide, real.spoof):.6f}" == "0.032281"
    assert f"{act_dcf(real.bonafide, real.spoof):.6f}" == "0.046674"


@settings(deadline=None, derandomize=True)
@given(SCORES, SCORES, st.sampled_from([0.05, 0.5, 0.9]))
def test_equals_brute_force(bonafide, spoof, p_spoof):
    costs = DcfCosts(p_spoof=p_spoof)
    thresholds = [-5, *sorted(set(bonafide + spoof))]
    every = [cost_at(bonafide, spoof, lambda s, t=t: s > t, p_spoof) for t in thresholds]
    assert min_dcf(bonafide, spoof, costs) == pytest.approx(min(every))
    bayes = -math.log((1 - p_spoof) / (10 * p_spoof))
    assert costs.bayes_threshold == pytest.approx(bayes)
    expected = cost_at(bonafide, spoof, lambda s: s >= bayes, p_spoof)
    assert act_dcf(bonafide, spoof, costs) == pytest.approx(expected)


def test_perfect_and_inverted_scores():
    low, high = [-9.0, -8.0], [8.0, 9.0]
    assert min_dcf(high, low) == act_dcf(high, low) == 0.0
    assert min_dcf(low, high) == 1.0  # accepting all costs 1
    assert act_dcf(low, high) == pytest.approx((0.95 + 0.5) / 0.5)


def test_only_the_actual_cost_depends_on_calibration():
    rng = np.random.default_rng(2)
    bonafide, spoof = rng.normal(2, 2, 400), rng.normal(-2, 2, 400)
    assert min_dcf(bonafide + 9, spoof + 9) == min_dcf(bonafide, spoof)
    assert act_dcf(bonafide + 9, spoof + 9) > 2 * act_dcf(bonafide, spoof)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("p_spoof", value) for value in (0.0, 1.0, math.nan)),
        *((cost, value) for cost in ("c_miss", "c_fa") for value in (0.0, -1, math.nan, math.inf)),
    ],
)
def test_impossible_costs_are_refused(name, value):
    with pytest.raises(ValueError, match="must"):
        DcfCosts(**{name: value})


def test_an_empty_class_is_refused():
    with pytest.raises(ValueError, match="no spoof scores"):
        act_dcf([1.0], [])
