"""Calibration and fusion: the least of the stated loss, closed forms, real scores, edges."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from fad.evaluation.calibration.logistic import fit_calibration
from fad.evaluation.calibration.model import System
from fad.evaluation.metrics.cllr import cllr, min_cllr
from fad.evaluation.metrics.dcf import act_dcf, min_dcf
from fad.evaluation.metrics.eer import eer

SHARED = Path(__file__).parents[5] / "shared" / "data"
SCORES = st.lists(st.integers(-4, 4), min_size=1, max_size=12)


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def stated_loss(solution, bonafide, spoof, p_spoof: float) -> float:
    """J of the module's docstring, trial by trial: separated classes lend 1 / (N + 2)."""
    *weights, offset = solution
    separated = len(weights) == 1 and max(spoof) <= min(bonafide)
    prior = math.log((1 - p_spoof) / p_spoof)

    def mean(trials, sign: int) -> float:
        odds = [sum(w * s for w, s in zip(weights, trial, strict=True)) for trial in trials]
        return sum(softplus(sign * (x + offset + prior)) for x in odds) / len(trials)

    def mixed(own, other, sign: int) -> float:
        lent = 1 / (len(own) + 2) if separated else 0
        return (1 - lent) * mean(own, sign) + lent * mean(other, sign)

    return (1 - p_spoof) * mixed(bonafide, spoof, -1) + p_spoof * mixed(spoof, bonafide, 1)


def solution_of(calibration) -> list[float]:
    return [*calibration.weights, calibration.offset]


def columns(*systems) -> np.ndarray:
    return np.stack(systems, axis=1)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(SCORES, SCORES, st.sampled_from([0.05, 0.5, 0.9]))
def test_no_other_map_has_a_lower_loss(bonafide, spoof, p_spoof):
    found = solution_of(fit_calibration(bonafide, spoof, p_spoof))
    trials = [(s,) for s in bonafide], [(s,) for s in spoof]
    search = minimize(
        lambda x: stated_loss([abs(x[0]), x[1]], *trials, p_spoof),  # of no negative slope
        [1.0, 0.0],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000},
    )
    assert found[0] >= 0
    assert stated_loss(found, *trials, p_spoof) <= search.fun + 1e-10


@pytest.mark.parametrize("p_spoof", [0.05, 0.5])
def test_a_fusion_has_the_lowest_loss_that_a_search_finds(p_spoof):
    rng = np.random.default_rng(5)
    bonafide, spoof = rng.normal(1, 2, (9, 2)), rng.normal(-1, 2, (14, 2))
    fitted = fit_calibration(bonafide, spoof, p_spoof)
    search = minimize(
        stated_loss,
        np.zeros(3),
        (bonafide.tolist(), spoof.tolist(), p_spoof),
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-15, "maxiter": 9000},
    )
    np.testing.assert_allclose(solution_of(fitted), search.x, atol=1e-6)


@pytest.mark.parametrize("p_spoof", [0.05, 0.5, 0.9])
def test_gaussians_of_one_variance_have_the_ratio_of_their_densities(p_spoof):
    """N(m, v) against N(-m + c, v): the true ratio is affine in the score."""
    rng = np.random.default_rng(1)
    high, low, sigma = 3.0, 1.0, 1.25
    fitted = fit_calibration(
        rng.normal(high, sigma, 200_000), rng.normal(low, sigma, 300_000), p_spoof
    )
    slope = (high - low) / sigma**2
    assert fitted.weights[0] == pytest.approx(slope, rel=0.02)
    assert fitted.offset == pytest.approx(-slope * (high + low) / 2, rel=0.02)


@pytest.mark.parametrize("size", [10, 100, 10_000])
def test_classes_that_overlap_are_not_smoothed(size):
    """Two scores and known shares: the ratio is that of the shares, whatever the prior."""
    bonafide = np.repeat([1.0, 0.0], [size * 9 // 10, size // 10])
    spoof = np.repeat([1.0, 0.0], [size // 5, size * 4 // 5])
    ratios = fit_calibration(bonafide, spoof, 0.3).llr([1.0, 0.0])
    np.testing.assert_allclose(ratios, [math.log(0.9 / 0.2), math.log(0.1 / 0.8)], atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_few_trials_that_overlap_are_never_worse_on_themselves(seed):
    rng = np.random.default_rng(seed)
    bonafide, spoof = rng.normal(2, 1, 56), rng.normal(-1, 1.5, 56)
    assert spoof.max() > bonafide.min()
    fitted = fit_calibration(bonafide, spoof)
    after = cllr(fitted.llr(bonafide), fitted.llr(spoof))
    assert min_cllr(bonafide, spoof) <= after <= cllr(bonafide, spoof)


def test_a_fusion_that_separates_where_no_system_does_stays_finite():
    rng = np.random.default_rng(9)
    common = rng.normal(0, 5, 80)
    sign = np.repeat([1.0, -1.0], 40)
    both = columns(common + sign, common - sign)
    fitted = fit_calibration(both[:40], both[40:])
    ratios = fitted.llr(both) * sign
    assert ratios.min() > 0 and ratios.max() < 2.5 * math.log(40)


@pytest.mark.parametrize(("num_bonafide", "num_spoof"), [(1, 1), (3, 40), (40, 3), (9_000, 1_000)])
@pytest.mark.parametrize("p_spoof", [0.05, 0.5, 0.99])
def test_perfectly_separated_scores_have_the_ratios_that_their_number_allows(
    num_bonafide, num_spoof, p_spoof
):
    fitted = fit_calibration([8.0] * num_bonafide, [-2.0] * num_spoof, p_spoof)
    low, high = fitted.llr([-2.0, 8.0])
    assert high == pytest.approx(
        math.log((num_bonafide + 1) / (num_bonafide + 2) * (num_spoof + 2)), abs=1e-6
    )
    assert low == pytest.approx(
        -math.log((num_spoof + 1) / (num_spoof + 2) * (num_bonafide + 2)), abs=1e-6
    )


@pytest.mark.parametrize("size", [10, 100, 1000, 10_000])
def test_separated_scores_keep_ratios_of_the_order_of_log_n(size):
    rng = np.random.default_rng(size)
    bonafide, spoof = rng.uniform(5, 9, size), rng.uniform(-9, -5, 2 * size)
    ratios = np.abs(fit_calibration(bonafide, spoof).llr(np.concatenate([bonafide, spoof])))
    assert 0.5 * math.log(size) < np.median(ratios) < 1.5 * math.log(size)
    assert ratios.max() < 2.5 * math.log(size)


@pytest.mark.parametrize(
    ("bonafide", "spoof"),
    [
        ([2.0, 2.0], [2.0, 2.0, 2.0]),
        ([0.1] * 7, [0.1] * 90),  # their mean is not 0.1 in binary
        ([-3.0, -2.0], [1.0, 2.0, 3.0]),  # inverted
        ([0.0, 1.0, 2.0], [1.0]),  # no better than chance
    ],
)
def test_scores_that_say_nothing_have_ratios_of_0(bonafide, spoof):
    for p_spoof in (0.05, 0.5):
        fitted = fit_calibration(bonafide, spoof, p_spoof)
        assert fitted.weights == (0.0,)
        assert fitted.offset == 0.0


@pytest.mark.parametrize(("scale", "shift"), [(1e-150, 0), (1e100, 0), (1, 1e6), (0.1, -50)])
def test_ratios_do_not_depend_on_the_unit_of_the_scores(scale, shift):
    rng = np.random.default_rng(3)
    bonafide, spoof = rng.normal(1, 1, 50), rng.normal(-1, 2, 70)
    plain = fit_calibration(bonafide, spoof).llr(spoof)
    moved = fit_calibration(scale * bonafide + shift, scale * spoof + shift)
    np.testing.assert_allclose(moved.llr(scale * spoof + shift), plain, atol=1e-6)


def test_outliers_and_extreme_priors_end():
    bonafide, spoof = [1e6, 1.0, 2.0, 0.0], [0.0, -1.0, -1e6, 4.0]
    for p_spoof in (1e-12, 0.5, 1 - 1e-12):
        fitted = fit_calibration(bonafide, spoof, p_spoof)
        assert np.isfinite(solution_of(fitted)).all()
        assert fitted.weights[0] > 0


@pytest.fixture(scope="module")
def halves():
    """Real scores, half of the trials of each class: (bona fide, spoof) to fit on, and to test."""
    path = Path(os.environ.get("FAD_SHARED_DATA", SHARED)) / "asvspoof2019_la/cm_scores"
    if not path.is_dir():
        pytest.skip(f"the ASVspoof 2019 LA scores are not there: {path} (set FAD_SHARED_DATA)")
    table = np.loadtxt(path / "RawGAT_ST_add.txt", dtype=str)
    scores, is_bonafide = table[:, 3].astype(float), table[:, 2] == "bonafide"
    rng = np.random.default_rng(0)
    classes = [rng.permutation(scores[mask]) for mask in (is_bonafide, ~is_bonafide)]
    return [c[: len(c) // 2] for c in classes], [c[len(c) // 2 :] for c in classes]


def test_fitted_on_one_half_cllr_falls_on_the_other(halves):
    fitted = fit_calibration(*halves[0])
    before, after = halves[1], [fitted.llr(scores) for scores in halves[1]]
    assert cllr(*before) > 0.07
    assert cllr(*after) < 0.85 * cllr(*before)


def test_fitted_on_one_half_the_actual_cost_is_near_the_minimum_on_the_other(halves):
    fitted = fit_calibration(*halves[0])
    before, after = halves[1], [fitted.llr(scores) for scores in halves[1]]
    assert min_dcf(*after) == pytest.approx(min_dcf(*before))
    assert act_dcf(*before) > 1.3 * min_dcf(*before)
    assert act_dcf(*after) < 1.1 * min_dcf(*after)


def noisy_systems(rng, mean: float, size: int) -> np.ndarray:
    """Two systems that see the same trials with their own noise, each on its own scale."""
    signal = rng.normal(mean, 0.5, size)
    noise = rng.normal(0, [[1.2], [1.5]], (2, size))
    return columns(signal + noise[0], 10 * (signal + noise[1]) - 40)


def test_two_noisy_systems_are_better_together():
    rng = np.random.default_rng(4)
    train, test = (
        (noisy_systems(rng, 1.5, 2000), noisy_systems(rng, -1.5, 3000)) for _ in range(2)
    )
    fused = [fit_calibration(*train).llr(scores) for scores in test]
    for number in range(2):
        alone = fit_calibration(*(scores[:, number] for scores in train))
        ratios = [alone.llr(scores[:, number]) for scores in test]
        assert eer(*fused)[0] < 0.8 * eer(*ratios)[0]
        assert cllr(*fused) < 0.8 * cllr(*ratios)


def test_a_system_that_knows_nothing_has_a_weight_near_0():
    rng = np.random.default_rng(6)
    good = rng.normal(1, 1, 3000), rng.normal(-1, 1, 3000)
    useless = rng.normal(0, 1, (2, 3000))
    fused = fit_calibration(columns(good[0], useless[0]), columns(good[1], useless[1]))
    assert abs(fused.weights[1]) < 0.1
    assert fused.weights[0] == pytest.approx(fit_calibration(*good).weights[0], rel=0.02)


def test_constant_and_equal_systems_are_no_riddle():
    rng = np.random.default_rng(7)
    bonafide, spoof = rng.normal(1, 1, 60), rng.normal(-1, 1, 50)
    alone = fit_calibration(bonafide, spoof)
    constant = fit_calibration(
        columns(bonafide, np.full(60, 0.1)), columns(spoof, np.full(50, 0.1))
    )
    assert constant.weights == pytest.approx((alone.weights[0], 0.0))
    twice = fit_calibration(columns(bonafide, bonafide), columns(spoof, spoof))
    assert twice.weights == pytest.approx((alone.weights[0] / 2,) * 2)
    assert twice.offset == pytest.approx(alone.offset)


def test_an_inverted_system_of_a_fusion_has_a_negative_weight():
    rng = np.random.default_rng(8)
    bonafide, spoof = rng.normal(1, 1, (60, 2)), rng.normal(-1, 1, (60, 2))
    straight = fit_calibration(bonafide, spoof)
    turned = fit_calibration(bonafide * [1, -1], spoof * [1, -1])
    assert turned.weights == pytest.approx((straight.weights[0], -straight.weights[1]))


def test_what_was_fitted_on_is_kept():
    names = (System("a", "1" * 64), System("b"))
    fitted = fit_calibration([[1, 2], [2, 3]], [[0, 1], [0, 0], [3, 0]], 0.1, names)
    assert (fitted.bonafide, fitted.spoof, fitted.p_spoof) == (2, 3, 0.1)
    assert fitted.systems == names
    assert [s.name for s in fit_calibration([1], [0]).systems] == ["system 1"]
    assert all(type(value) is float for value in solution_of(fitted))


@pytest.mark.parametrize(
    ("bonafide", "spoof", "p_spoof", "says"),
    [
        ([], [1.0], 0.5, "no bona fide scores"),
        ([1.0], [], 0.5, "no spoof scores"),
        ([1.0, math.nan], [0.0], 0.5, "1 of 2 bona fide scores are not finite"),
        ([1.0], [[0.0, -math.inf]], 0.5, "1 of 1 spoof scores are not finite"),
        ([[1.0, 2.0]], [[0.0]], 0.5, "2 systems score the bona fide trials, 1 the spoofs"),
        ([[[1.0]]], [0.0], 0.5, r"must be of shape \(N,\) or \(N, K\)"),
        (1.0, [0.0], 0.5, r"must be of shape"),
        ([1.0], [0.0], 0.0, "p_spoof must lie between 1e-12 and 1 - 1e-12"),
        ([1.0], [0.0], 1.0, "p_spoof must lie between 1e-12 and 1 - 1e-12"),
        ([1.0], [0.0], 1e-300, "p_spoof must lie between 1e-12 and 1 - 1e-12"),
        ([1.0], [0.0], math.nan, "p_spoof must lie between 1e-12 and 1 - 1e-12"),
        ([1e300], [-1e300], 0.5, "too large or too close together"),
        ([1e-300], [-1e-300], 0.5, "too large or too close together"),
    ],
)
def test_what_cannot_be_fitted_is_refused(bonafide, spoof, p_spoof, says):
    with pytest.raises(ValueError, match=says):
        fit_calibration(bonafide, spoof, p_spoof)


def test_systems_that_are_named_must_be_those_that_score():
    with pytest.raises(ValueError, match="and 1 are named"):
        fit_calibration([[1, 2]], [[0, 1]], systems=[System("a")])
