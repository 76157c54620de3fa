import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fad.evaluation.metrics.cllr import cllr, min_cllr

SCORES = st.lists(st.integers(-3, 3), min_size=1, max_size=10)


def block_cost(bonafide, spoof, num_bonafide, num_spoof):
    """What one block costs, in bits, when its trials have the ratio of their shares."""
    if not bonafide or not spoof:
        return 0.0
    ratio = math.log(bonafide / num_bonafide) - math.log(spoof / num_spoof)
    misses = bonafide / num_bonafide * math.log2(1 + math.exp(-ratio))
    return (misses + spoof / num_spoof * math.log2(1 + math.exp(ratio))) / 2


def groups(bonafide, spoof):
    """Counts of bona fide and spoofed trials of each score, by rising score."""
    return [(bonafide.count(s), spoof.count(s)) for s in sorted(set(bonafide) | set(spoof))]


def best_of_all_monotonic_maps(bonafide, spoof):
    """The definition: every way to cut the sorted scores into blocks whose ratios do not fall."""
    cells = groups(bonafide, spoof)
    best = math.inf
    for cuts in itertools.product([False, True], repeat=len(cells) - 1):
        blocks = [list(cells[0])]
        for cell, is_cut in zip(cells[1:], cuts, strict=True):
            if is_cut:
                blocks.append([0, 0])
            blocks[-1][0] += cell[0]
            blocks[-1][1] += cell[1]
        shares = [Fraction(b, b + s) for b, s in blocks]
        if shares == sorted(shares):
            cost = sum(block_cost(b, s, len(bonafide), len(spoof)) for b, s in blocks)
            best = min(best, cost)
    return best


def pool_adjacent_violators(bonafide, spoof):
    """Textbook PAV on a stack of blocks, in exact integers; for large inputs."""
    blocks = []
    scores, counts = np.unique(np.concatenate([bonafide, spoof]), return_inverse=True)
    ones = np.bincount(counts[: len(bonafide)], minlength=len(scores)).tolist()
    zeros = np.bincount(counts[len(bonafide) :], minlength=len(scores)).tolist()
    for block in zip(ones, zeros, strict=True):
        while blocks and blocks[-1][0] * sum(block) >= block[0] * sum(blocks[-1]):
            last = blocks.pop()
            block = (last[0] + block[0], last[1] + block[1])
        blocks.append(block)
    return sum(block_cost(b, s, len(bonafide), len(spoof)) for b, s in blocks)


def test_official_value(real):
    assert f"{cllr(real.bonafide, real.spoof):.6f}" == "0.078080"


def test_closed_forms():
    assert cllr([0.0, 0.0], [0.0]) == pytest.approx(1.0)
    expected = (math.log2(1 + math.exp(-2)) + math.log2(1 + math.exp(-1))) / 2
    assert cllr([2.0], [-1.0]) == pytest.approx(expected)
    assert cllr([100.0], [-100.0]) == pytest.approx(0.0, abs=1e-12)


def test_huge_wrong_scores_do_not_overflow():
    assert cllr([-5000.0], [5000.0]) == pytest.approx(5000 / math.log(2))


@pytest.mark.parametrize("metric", [cllr, min_cllr])
def test_bad_scores_are_refused(metric):
    with pytest.raises(ValueError, match="no bona fide scores"):
        metric([], [0.0])
    with pytest.raises(ValueError, match="no spoof scores"):
        metric([0.0], [])
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="not finite"):
            metric([0.0], [bad])


@settings(deadline=None, derandomize=True)
@given(SCORES, SCORES)
def test_min_cllr_is_the_best_of_all_monotonic_maps(bonafide, spoof):
    expected = best_of_all_monotonic_maps(bonafide, spoof)
    assert min_cllr(bonafide, spoof) == pytest.approx(expected, abs=1e-12)


def test_min_cllr_of_real_scores_equals_exact_pooling(real):
    expected = pool_adjacent_violators(real.bonafide, real.spoof)
    assert min_cllr(real.bonafide, real.spoof) == pytest.approx(expected, abs=1e-12)
    assert 0 < expected < cllr(real.bonafide, real.spoof)


def test_min_cllr_at_0_and_at_100_percent():
    low, high = [-2.0, -1.0, 0.0], [1.0, 2.0]
    assert min_cllr(high, low) == 0.0
    assert min_cllr(low, high) == 1.0
    assert min_cllr([3.0] * 5, [3.0] * 7) == pytest.approx(1.0)


def test_min_cllr_closed_form_of_two_levels():
    # 3 of 4 bona fide trials and 1 of 4 spoofs say 1, the others 0: the ratios are ln 3 and -ln 3
    expected = 0.75 * math.log2(1 + 1 / 3) + 0.25 * math.log2(1 + 3)
    assert min_cllr([1, 1, 1, 0], [0, 0, 0, 1]) == pytest.approx(expected)


def test_min_cllr_of_calibrated_scores_is_near_their_cllr():
    # of unit variance and means +-m, the log-likelihood ratio of x is 2 m x
    rng = np.random.default_rng(5)
    bonafide, spoof = rng.normal(1, 1, 40_000), rng.normal(-1, 1, 60_000)
    assert min_cllr(bonafide, spoof) == pytest.approx(cllr(2 * bonafide, 2 * spoof), abs=0.003)


def test_min_cllr_depends_on_the_order_alone():
    rng = np.random.default_rng(6)
    bonafide, spoof = rng.normal(1, 1, 300), rng.normal(0, 1, 500)
    assert min_cllr(np.exp(bonafide), np.exp(spoof)) == min_cllr(bonafide, spoof)
