from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fad.evaluation.metrics.eer import eer

OFFICIAL_BY_ATTACK = {
    "A07": "0.383672",
    "A08": "0.913348",
    "A09": "0.186748",
    "A10": "0.505905",
    "A11": "0.302183",
    "A12": "0.634936",
    "A13": "0.227493",
    "A14": "0.220695",
    "A15": "0.465161",
    "A16": "0.855631",
    "A17": "1.646746",
    "A18": "3.212002",
    "A19": "0.709626",
}
SCORES = st.lists(st.integers(-4, 4), min_size=1, max_size=12)


def brute_force(bonafide, spoof):
    """The definition, threshold by threshold, in exact fractions."""
    best = None
    for threshold in [min(bonafide + spoof) - 1, *sorted(set(bonafide + spoof))]:
        miss = Fraction(sum(score <= threshold for score in bonafide), len(bonafide))
        false_alarm = Fraction(sum(score > threshold for score in spoof), len(spoof))
        if best is None or abs(miss - false_alarm) < best[0]:
            best = (abs(miss - false_alarm), (miss + false_alarm) / 2, threshold)
    return float(best[1]), best[2]


def test_official_value(real):
    rate, threshold = eer(real.bonafide, real.spoof)
    assert f"{100 * rate:.6f}" == "1.158596"
    assert f"{threshold:.5f}" == "1.74512"


@pytest.mark.parametrize("attack", OFFICIAL_BY_ATTACK)
def test_official_value_by_attack(real, attack):
    spoof = real.scores[real.attacks == attack]
    assert len(spoof) == 4914
    assert f"{100 * eer(real.bonafide, spoof)[0]:.6f}" == OFFICIAL_BY_ATTACK[attack]


@settings(deadline=None, derandomize=True)
@given(SCORES, SCORES)
def test_equals_brute_force_with_ties(bonafide, spoof):
    rate, threshold = eer(bonafide, spoof)
    expected_rate, expected_threshold = brute_force(bonafide, spoof)
    assert rate == pytest.approx(expected_rate, abs=1e-12)
    if threshold >= min(bonafide + spoof):
        assert threshold == expected_threshold
    else:
        assert expected_threshold < min(bonafide + spoof)


def test_separated_scores_have_0_and_inverted_ones_100_percent():
    low, high = [-2.0, -1.0, 0.0], [1.0, 2.0]
    assert eer(high, low) == (0.0, 0.0)
    assert eer(low, high)[0] == 1.0


def test_negated_scores_mirror_the_eer(real):
    # with ties aside, FRR and FAR change places and turn into their complements
    rate, _ = eer(-real.bonafide, -real.spoof)
    assert rate == pytest.approx(1 - eer(real.bonafide, real.spoof)[0], abs=1e-4)


def test_constant_scores_have_50_percent():
    assert eer([3.0] * 5, [3.0] * 7)[0] == 0.5


def test_rescaling_changes_the_threshold_alone():
    rng = np.random.default_rng(1)
    bonafide, spoof = rng.normal(1, 1, 100), rng.normal(0, 1, 130)
    rate, threshold = eer(bonafide, spoof)
    assert eer(4 * bonafide, 4 * spoof) == (rate, 4 * threshold)
