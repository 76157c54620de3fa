import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fad.evaluation.sasv.adcf import ASVSPOOF5_TRACK2, AdcfCosts, adcf_at, min_adcf

SCORES = st.lists(st.integers(-4, 4), min_size=1, max_size=8)
# p_tar, p_non, p_spoof, C_miss, C_fa, C_fa,spoof: ASVspoof 5, and one where accepting all is cheap
COSTS = {
    "asvspoof5": (0.9, 0.05, 0.05, 1, 10, 20),
    "cheap": (0.6, 0.3, 0.1, 4, 1, 2),
}


def costs_of(values):
    names = ("p_tar", "p_non", "p_spoof", "c_miss", "c_fa", "c_fa_spoof")
    return AdcfCosts(**dict(zip(names, values, strict=True)))


def cost_at(target, nontarget, spoof, threshold, values):
    p_tar, p_non, p_spoof, c_miss, c_fa, c_fa_spoof = values
    miss = sum(score <= threshold for score in target) / len(target)
    false_alarm = sum(score > threshold for score in nontarget) / len(nontarget)
    spoofed = sum(score > threshold for score in spoof) / len(spoof)
    cost = c_miss * p_tar * miss + c_fa * p_non * false_alarm + c_fa_spoof * p_spoof * spoofed
    return cost / min(c_miss * p_tar, c_fa * p_non + c_fa_spoof * p_spoof)


def trial_by_trial(target, nontarget, spoof):
    """The minimum as the organisers find it: tied trials are rejected one by one, targets first."""
    p_tar, p_non, p_spoof, c_miss, c_fa, c_fa_spoof = COSTS["asvspoof5"]
    kinds = (target, nontarget, spoof)
    trials = sorted((score, kind) for kind in range(3) for score in kinds[kind])
    left = [len(scores) for scores in kinds]
    costs = []
    for kind in [None, *(kind for _, kind in trials)]:
        if kind is not None:
            left[kind] -= 1
        rates = [count / len(scores) for count, scores in zip(left, kinds, strict=True)]
        false_alarms = c_fa * p_non * rates[1] + c_fa_spoof * p_spoof * rates[2]
        costs.append(c_miss * p_tar * (1 - rates[0]) + false_alarms)
    return min(costs) / min(c_miss * p_tar, c_fa * p_non + c_fa_spoof * p_spoof)


def test_the_defaults_are_those_of_asvspoof5():
    assert costs_of(COSTS["asvspoof5"]) == ASVSPOOF5_TRACK2


@pytest.mark.parametrize("values", COSTS.values(), ids=COSTS)
@settings(deadline=None, derandomize=True)
@given(SCORES, SCORES, SCORES)
def test_equals_brute_force(values, target, nontarget, spoof):
    costs = costs_of(values)
    thresholds = [-5, *sorted({*target, *nontarget, *spoof})]
    every = [cost_at(target, nontarget, spoof, threshold, values) for threshold in thresholds]
    minimum, threshold = min_adcf(target, nontarget, spoof, costs)
    assert minimum == pytest.approx(min(every))
    assert adcf_at(target, nontarget, spoof, threshold, costs) == pytest.approx(minimum)
    for threshold, expected in zip(thresholds, every, strict=True):
        assert adcf_at(target, nontarget, spoof, threshold, costs) == pytest.approx(expected)


@settings(deadline=None, derandomize=True)
@given(SCORES, SCORES, SCORES)
def test_ties_do_not_matter_to_the_organisers_minimum(target, nontarget, spoof):
    assert min_adcf(target, nontarget, spoof)[0] == pytest.approx(
        trial_by_trial(target, nontarget, spoof)
    )


def test_real_scores_equal_the_organisers_minimum(real):
    kinds = [real.asv[kind].tolist() for kind in ("target", "nontarget", "spoof")]
    minimum, threshold = min_adcf(*kinds)
    assert minimum == pytest.approx(trial_by_trial(*kinds), abs=1e-12)
    assert adcf_at(*kinds, threshold) == pytest.approx(minimum)


def test_at_0_and_at_100_percent():
    low, middle, high = [-9.0, -8.0], [0.0], [8.0, 9.0]
    assert min_adcf(high, low, middle) == (0.0, 0.0)
    assert adcf_at(high, low, middle, 0.0) == 0.0
    assert min_adcf(low, high, middle) == (1.0, 9.0)  # rejecting all costs 0.9, accepting all 1.5
    assert adcf_at(low, high, middle, -1.0) == pytest.approx((0.9 + 0.5 + 1.0) / 0.9)
    assert min_adcf([1.0] * 3, [1.0], [1.0] * 2) == (1.0, 1.0)


def test_a_score_at_the_threshold_is_rejected():
    assert adcf_at([1.0], [0.0], [0.0], 1.0) == pytest.approx(1.0)
    assert adcf_at([1.0], [1.0], [1.0], 0.5) == pytest.approx(1.5 / 0.9)


@pytest.mark.parametrize(
    "bad",
    [{"p_spoof": 0.5}, {"p_spoof": 0.0, "p_tar": 0.95}, {"p_tar": math.nan}]
    + [{name: value} for name in ("c_miss", "c_fa", "c_fa_spoof") for value in (0, -1, math.nan)],
)
def test_impossible_costs_are_refused(bad):
    with pytest.raises(ValueError, match="must be positive"):
        AdcfCosts(**bad)


@pytest.mark.parametrize("metric", [min_adcf, lambda *kinds: adcf_at(*kinds, 0.0)])
def test_bad_scores_are_refused(metric):
    for missing, name in enumerate(("target", "non-target", "spoof")):
        kinds = [[0.0], [0.0], [0.0]]
        kinds[missing] = []
        with pytest.raises(ValueError, match=f"no {name} scores"):
            metric(*kinds)
        kinds[missing] = [math.inf]
        with pytest.raises(ValueError, match=f"{name} scores are not finite"):
            metric(*kinds)


@pytest.mark.parametrize("threshold", [math.nan, math.inf])
def test_a_threshold_that_is_no_number_is_refused(threshold):
    with pytest.raises(ValueError, match="the threshold must be a finite number"):
        adcf_at([1.0], [0.0], [0.0], threshold)
