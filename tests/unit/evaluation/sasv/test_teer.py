import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from fad.evaluation.metrics.eer import eer
from fad.evaluation.sasv.teer import concurrent_teer

SCORES = st.lists(st.integers(-4, 4), min_size=1, max_size=8)
KINDS = st.tuples(SCORES, SCORES, SCORES, SCORES, SCORES)


def accepted(scores, threshold):
    return sum(score > threshold for score in scores) / len(scores)


def thresholds(*kinds):
    scores = sorted(set().union(*kinds))
    return [math.nextafter(scores[0], -math.inf), *scores]


def all_pairs(cm_bonafide, cm_spoof, asv_target, asv_nontarget, asv_spoof):
    """The definition, pair of thresholds by pair: (p_miss, p_fa, p_fa_spoof, t_cm, t_asv)."""
    best, found = math.inf, None
    for t_asv in thresholds(asv_target, asv_nontarget, asv_spoof):
        asv_miss = sum(score <= t_asv for score in asv_target) / len(asv_target)
        fa_non = 1 - sum(score <= t_asv for score in asv_nontarget) / len(asv_nontarget)
        fa_spoof = 1 - sum(score <= t_asv for score in asv_spoof) / len(asv_spoof)
        if not asv_miss < 0.5 * fa_non + 0.5 * fa_spoof:
            continue
        closest, pair = math.inf, None
        for t_cm in thresholds(cm_bonafide, cm_spoof):
            cm_miss = sum(score <= t_cm for score in cm_bonafide) / len(cm_bonafide)
            cm_fa = accepted(cm_spoof, t_cm)
            miss = cm_miss + (1 - cm_miss) * asv_miss
            false_alarm = 0.5 * (1 - cm_miss) * fa_non + 0.5 * cm_fa * fa_spoof
            if abs(miss - false_alarm) < closest:
                closest, pair = abs(miss - false_alarm), (t_cm, cm_miss, cm_fa)
        t_cm, cm_miss, cm_fa = pair
        if not fa_spoof or cm_miss == 1:
            continue
        criterion = abs(fa_non / fa_spoof - cm_fa / (1 - cm_miss))
        if criterion < best:
            rates = (1 - (1 - cm_miss) * (1 - asv_miss), (1 - cm_miss) * fa_non, cm_fa * fa_spoof)
            best, found = criterion, (*rates, t_cm, t_asv)
    return found


def as_tuple(found):
    return (found.p_miss, found.p_fa, found.p_fa_spoof, found.cm_threshold, found.asv_threshold)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(KINDS)
def test_equals_brute_force_with_ties(kinds):
    expected = all_pairs(*kinds)
    if expected is None:
        with pytest.raises(ValueError, match="the t-EER is not defined for this tandem"):
            concurrent_teer(*kinds)
        return
    found = concurrent_teer(*kinds)
    assert as_tuple(found) == pytest.approx(expected, abs=1e-12)
    assert found.rate == found.p_fa_spoof


def test_an_inverted_cm_of_one_step_is_refused():
    with pytest.raises(ValueError, match="are the CM scores inverted"):
        concurrent_teer([0.0], [1.0], [0.0], [0.0], [0.0])


@pytest.mark.parametrize("seed", range(5))
def test_equals_brute_force_without_ties(seed):
    rng = np.random.default_rng(seed)
    means = (1.0, -1.0, 1.5, -1.0, 0.5)
    sizes = (40, 30, 25, 15, 30)
    kinds = [rng.normal(mean, 1, size) for mean, size in zip(means, sizes, strict=True)]
    assert as_tuple(concurrent_teer(*kinds)) == pytest.approx(all_pairs(*kinds), abs=1e-12)


def test_real_scores_have_what_a_loop_over_all_pairs_finds(real):
    """All 102,580 ASV thresholds were tried with all 71,238 of the CM, as the package does it."""
    asv = (real.asv[kind] for kind in ("target", "nontarget", "spoof"))
    found = concurrent_teer(real.bonafide, real.spoof, *asv)
    assert f"{100 * found.rate:.6f}" == "2.804865"
    assert (found.asv_threshold, f"{found.cm_threshold:.6f}") == (-6.435366, "-0.752296")
    assert found.spread < 1e-4


def test_normal_scores_have_the_rate_of_the_equations():
    """Three normal densities: the two equations are solved for the true rates."""
    cm_bonafide, target, spoof = 2.0, 3.0, 1.5  # means; CM spoofs and ASV non-targets have 0

    def cm_at(t_asv):
        """The CM threshold at which non-targets and spoofs get through equally often."""
        ratio = norm.sf(t_asv) / norm.sf(t_asv - spoof)
        return brentq(lambda t: norm.sf(t) - ratio * norm.sf(t - cm_bonafide), -9, 9)

    def gap(t_asv):
        passed = norm.sf(cm_at(t_asv) - cm_bonafide)
        return 1 - passed * norm.sf(t_asv - target) - passed * norm.sf(t_asv)

    t_asv = brentq(gap, 0, 4)
    expected = norm.sf(cm_at(t_asv)) * norm.sf(t_asv - spoof)
    rng = np.random.default_rng(4)
    means = (cm_bonafide, 0.0, target, 0.0, spoof)
    found = concurrent_teer(*(rng.normal(mean, 1, 40_000) for mean in means))
    assert found.rate == pytest.approx(expected, abs=0.004)
    assert found.asv_threshold == pytest.approx(t_asv, abs=0.05)
    assert found.cm_threshold == pytest.approx(cm_at(t_asv), abs=0.05)
    assert found.spread < 1e-3


def test_with_a_perfect_cm_it_is_the_eer_of_the_asv():
    rng = np.random.default_rng(5)
    target, nontarget, spoof = (rng.normal(mean, 1, 4000) for mean in (2, 0, 2))
    found = concurrent_teer(
        rng.uniform(1, 2, 8000), rng.uniform(-2, -1, 8000), target, nontarget, spoof
    )
    assert found.rate == pytest.approx(eer(target, nontarget)[0], abs=0.001)
    assert found.spread < 0.001


def test_with_a_perfect_asv_that_spoofs_fool_it_is_the_eer_of_the_cm():
    rng = np.random.default_rng(6)
    bonafide, spoof = rng.normal(2, 1, 4000), rng.normal(0, 1, 4000)
    target, nontarget, fooled = (rng.uniform(low, low + 1, 4000) for low in (2, 0, 2))
    found = concurrent_teer(bonafide, spoof, target, nontarget, fooled)
    assert found.rate == pytest.approx(eer(bonafide, spoof)[0], abs=0.001)
    assert found.spread < 0.001


def test_rescaling_the_scores_changes_the_thresholds_alone():
    rng = np.random.default_rng(7)
    kinds = [rng.normal(mean, 1, 200) for mean in (1, -1, 2, 0, 1)]
    before = concurrent_teer(*kinds)
    after = concurrent_teer(*(4 * kind for kind in kinds))
    assert after.rate == before.rate
    assert after.cm_threshold == pytest.approx(4 * before.cm_threshold)
    assert after.asv_threshold == pytest.approx(4 * before.asv_threshold)


def test_at_0_and_at_100_percent():
    low, high = [-2.0, -1.0], [1.0, 2.0]
    right = concurrent_teer(high, low, high, low, high)
    assert (right.rate, right.spread) == (0.0, 0.0)
    assert (right.cm_threshold, right.asv_threshold) == (-1.0, -1.0)
    assert concurrent_teer(low, high, low, high, high).rate == 1.0


def test_constant_scores_have_no_common_rate_and_the_spread_tells():
    constant = concurrent_teer(*[[1.0, 1.0]] * 5)
    assert (constant.p_miss, constant.p_fa, constant.p_fa_spoof) == (0.0, 1.0, 1.0)
    assert constant.spread == 1.0


def test_an_asv_that_no_spoof_fools_has_no_common_rate_and_the_spread_tells():
    rng = np.random.default_rng(8)
    target, nontarget = rng.normal(1, 1, 500), rng.normal(0, 1, 500)
    found = concurrent_teer([1.0, 2.0], [-2.0, -1.0], target, nontarget, nontarget - 50)
    assert found.spread > 0.2


@pytest.mark.parametrize("missing", range(5))
def test_bad_scores_are_refused(missing):
    name = ("bona fide", "spoof", "target", "non-target", "spoof")[missing]
    for scores, message in (([], f"no {name} scores"), ([math.nan], f"{name} scores are not fin")):
        kinds = [[0.0]] * 5
        kinds[missing] = scores
        with pytest.raises(ValueError, match=message):
            concurrent_teer(*kinds)
