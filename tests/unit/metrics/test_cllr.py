import math

import pytest

from fad.metrics.cllr import cllr


def test_official_value(real):
    assert f"{cllr(real.bonafide, real.spoof):.6f}" == "0.078080"


def test_closed_forms():
    assert cllr([0.0, 0.0], [0.0]) == pytest.approx(1.0)
    expected = (math.log2(1 + math.exp(-2)) + math.log2(1 + math.exp(-1))) / 2
    assert cllr([2.0], [-1.0]) == pytest.approx(expected)
    assert cllr([100.0], [-100.0]) == pytest.approx(0.0, abs=1e-12)


def test_huge_wrong_scores_do_not_overflow():
    assert cllr([-5000.0], [5000.0]) == pytest.approx(5000 / math.log(2))


def test_bad_scores_are_refused():
    with pytest.raises(ValueError, match="no bona fide scores"):
        cllr([], [0.0])
    with pytest.raises(ValueError, match="not finite"):
        cllr([0.0], [math.nan])
