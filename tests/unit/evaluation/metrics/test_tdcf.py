import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fad.evaluation.metrics.tdcf import AsvRates, Costs2019, asv_rates, min_tdcf_2019, min_tdcf_2021

SCORES = st.lists(st.integers(-4, 4), min_size=1, max_size=12)
ASV = AsvRates(eer=0.03, threshold=0.5, p_fa=0.04, p_miss=0.03, p_miss_spoof=0.2)


def error_pairs(bonafide, spoof):
    for threshold in [-5, *sorted(set(bonafide + spoof))]:
        miss = np.mean([score <= threshold for score in bonafide])
        yield miss, np.mean([score > threshold for score in spoof])


@pytest.fixture(scope="module")
def real_asv(real):
    return asv_rates(real.asv["target"], real.asv["nontarget"], real.asv["spoof"])


def test_official_asv_rates(real_asv):
    assert f"{100 * real_asv.eer:.6f}" == "2.457784"
    assert f"{real_asv.p_fa:.10f}" == "0.0246046749"
    assert f"{real_asv.p_miss:.10f}" == "0.0245810056"
    assert f"{real_asv.p_miss_spoof:.10f}" == "0.2393475470"


def test_official_values(real, real_asv):
    assert f"{min_tdcf_2019(real.bonafide, real.spoof, real_asv):.6f}" == "0.037372"
    assert f"{min_tdcf_2021(real.bonafide, real.spoof, real_asv):.6f}" == "0.097760"


def test_asv_rates_of_a_small_system():
    rates = asv_rates([1.0, 2.0, 3.0, 4.0], [-2.0, -1.0, 0.0, 2.0], [1.0, 5.0])
    # thresholds 1 and 2: one target of four rejected, then two; one non-target accepted, then none
    assert (rates.eer, rates.threshold) == (0.25, 1.0)
    assert (rates.p_fa, rates.p_miss, rates.p_miss_spoof) == (0.25, 0.0, 0.0)


@settings(deadline=None, derandomize=True)
@given(SCORES, SCORES)
def test_equals_brute_force(bonafide, spoof):
    p_tar, p_non = 0.95 * 0.99, 0.95 * 0.01
    asv_cost = p_tar * ASV.p_miss + 10 * p_non * ASV.p_fa
    weight_spoof = 10 * 0.05 * (1 - ASV.p_miss_spoof)
    weight_miss = p_tar - asv_cost
    pairs = list(error_pairs(bonafide, spoof))
    scale = min(weight_miss, weight_spoof)
    legacy = min(weight_miss * m + weight_spoof * f for m, f in pairs) / scale
    assert min_tdcf_2019(bonafide, spoof, ASV) == pytest.approx(legacy)
    revised = min(asv_cost + weight_miss * m + weight_spoof * f for m, f in pairs)
    assert min_tdcf_2021(bonafide, spoof, ASV) == pytest.approx(revised / (asv_cost + scale))


def test_perfect_and_inverted_countermeasures():
    low, high = [-2.0, -1.0], [1.0, 2.0]
    assert min_tdcf_2019(high, low, ASV) == 0.0
    assert min_tdcf_2019(low, high, ASV) == pytest.approx(1.0)
    assert 0 < min_tdcf_2021(high, low, ASV) < 0.2  # what the ASV errors cost remains
    assert min_tdcf_2021(low, high, ASV) == pytest.approx(1.0)


def test_an_asv_system_that_leaves_no_weight_is_refused():
    broken = AsvRates(eer=1.0, threshold=0.0, p_fa=1.0, p_miss=1.0, p_miss_spoof=1.0)
    for metric in (min_tdcf_2019, min_tdcf_2021):
        with pytest.raises(ValueError, match="not defined for this ASV system"):
            metric([1.0], [0.0], broken)


def test_missing_kinds_and_bad_priors_are_refused():
    with pytest.raises(ValueError, match="no ASV non-target scores"):
        asv_rates([1.0], [], [0.0])
    for bad in (0.5, np.nan):
        with pytest.raises(ValueError, match="sum to 1"):
            Costs2019(p_spoof=bad)
