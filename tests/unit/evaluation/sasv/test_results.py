import json

import numpy as np
import pytest

from fad.evaluation.metrics.eer import eer
from fad.evaluation.metrics.tdcf import asv_rates, min_tdcf_2021
from fad.evaluation.sasv.adcf import adcf_at, min_adcf
from fad.evaluation.sasv.eer import sasv_eers
from fad.evaluation.sasv.files import SasvTrials
from fad.evaluation.sasv.results import as_text, evaluate_sasv
from fad.evaluation.sasv.teer import concurrent_teer
from fad.utils.errors import FadError

TANDEM_KEYS = {"teer_percent", "teer", "min_tdcf_2021", "asv"}


def make_trials(*systems, seed=0, size=300):
    rng = np.random.default_rng(seed)
    kinds = rng.choice(["target", "nontarget", "spoof"], size)
    scores = {
        "asv": rng.normal(np.select([kinds == "target", kinds == "spoof"], [2.0, 1.0]), 1),
        "cm": rng.normal(np.where(kinds == "spoof", -1.0, 1.0), 1),
    }
    scores["sasv"] = np.minimum(scores["asv"], scores["cm"])
    return SasvTrials("score.tsv", kinds, {system: scores[system] for system in systems})


def test_all_of_a_tandem_with_a_fused_score():
    trials = make_trials("sasv", "cm", "asv")
    found = evaluate_sasv(trials, threshold=0.25)
    kinds = {kind: trials.kinds == kind for kind in ("target", "nontarget", "spoof")}
    assert {kind: found[kind] for kind in kinds} == {kind: m.sum() for kind, m in kinds.items()}

    sasv, cm, asv = (
        {kind: trials.scores[system][mask] for kind, mask in kinds.items()}
        for system in ("sasv", "cm", "asv")
    )
    assert (found["min_adcf"], found["min_adcf_threshold"]) == min_adcf(**sasv)
    assert (found["adcf"], found["adcf_threshold"]) == (adcf_at(**sasv, threshold=0.25), 0.25)
    rates = sasv_eers(**sasv)
    assert found["sasv_eer_percent"] == 100 * rates.sasv
    assert found["sv_eer_percent"] == 100 * rates.sv
    assert found["spf_eer_percent"] == 100 * rates.spf

    bonafide = np.concatenate([cm["target"], cm["nontarget"]])
    point = concurrent_teer(bonafide, cm["spoof"], asv["target"], asv["nontarget"], asv["spoof"])
    assert found["teer_percent"] == 100 * point.rate
    assert found["teer"]["cm_threshold"] == point.cm_threshold
    assert found["min_tdcf_2021"] == min_tdcf_2021(bonafide, cm["spoof"], asv_rates(**asv))
    assert found["asv"]["eer_percent"] == 100 * eer(asv["target"], asv["nontarget"])[0]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_single_system_has_no_tandem_results():
    found = evaluate_sasv(make_trials("sasv"))
    assert not TANDEM_KEYS & found.keys()
    assert "adcf" not in found
    assert "tandem" not in as_text("score.tsv", found)


def test_a_tandem_without_fused_score_has_its_results_alone():
    found = evaluate_sasv(make_trials("cm", "asv"))
    assert found.keys() >= TANDEM_KEYS
    assert not {"min_adcf", "sasv_eer_percent"} & found.keys()
    assert "a-DCF" not in as_text("score.tsv", found)


def test_the_text_has_the_numbers_with_their_names():
    found = evaluate_sasv(make_trials("sasv", "cm", "asv"), threshold=0.25)
    text = as_text("score.tsv", found)
    rows = [line.split("  ") for line in text.splitlines()]
    values = {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}
    assert values["min a-DCF"][0] == f"{found['min_adcf']:.6f}"
    assert values["a-DCF"] == [f"{found['adcf']:.6f}", "0.25000"]
    for name in ("sasv", "sv", "spf"):
        assert values[f"{name.upper()}-EER %"][0] == f"{found[f'{name}_eer_percent']:.6f}"
    assert values["t-EER %"][0] == f"{found['teer_percent']:.6f}"
    assert values["min t-DCF, ASVspoof 2021"][0] == f"{found['min_tdcf_2021']:.6f}"
    assert f"ASV at its EER of {found['asv']['eer_percent']:.6f} %" in text


def test_0_and_100_percent():
    kinds = np.repeat(["target", "nontarget", "spoof"], 4)
    perfect = np.where(kinds == "target", 1.0, -1.0) + np.arange(12) / 100
    found = evaluate_sasv(SasvTrials("score.tsv", kinds, {"sasv": perfect}))
    assert (found["min_adcf"], found["sasv_eer_percent"], found["warnings"]) == (0.0, 0.0, [])
    found = evaluate_sasv(SasvTrials("score.tsv", kinds, {"sasv": -perfect}))
    assert (found["min_adcf"], found["sasv_eer_percent"]) == (1.0, 100.0)
    assert "is the sign inverted?" in found["warnings"][0]


def test_a_tandem_without_a_common_rate_is_told():
    trials = make_trials("cm", "asv", size=3000)
    assert evaluate_sasv(trials)["warnings"] == []
    hardly_fooled = trials.scores["asv"] - 3 * (trials.kinds == "spoof")
    found = evaluate_sasv(SasvTrials("s", trials.kinds, {**trials.scores, "asv": hardly_fooled}))
    (warning,) = found["warnings"]
    assert "its t-EER says little" in warning
    assert f"{100 * found['teer']['p_miss']:.2f}" in warning


def test_what_is_not_defined_is_null_and_the_rest_remains():
    trials = make_trials("sasv", "cm", "asv")
    unfooled = np.where(trials.kinds == "spoof", -50.0, trials.scores["asv"])
    found = evaluate_sasv(SasvTrials("s", trials.kinds, {**trials.scores, "asv": unfooled}))
    assert found["min_tdcf_2021"] is None
    assert "the t-DCF is not defined for this ASV system" in found["warnings"][0]
    assert found["min_adcf"] == evaluate_sasv(trials)["min_adcf"]
    one_of_each = {"cm": [0.0, 0.0, 1.0], "asv": [0.0, 0.0, 0.0]}
    scores = {system: np.array(found) for system, found in one_of_each.items()}
    kinds = np.array(["target", "nontarget", "spoof"])
    found = evaluate_sasv(SasvTrials("s", kinds, scores))
    assert (found["teer"], found["teer_percent"]) == (None, None)
    assert "the t-EER is not defined for this tandem" in found["warnings"][0]
    assert "t-EER %" in as_text("s", found)


@pytest.mark.parametrize(
    ("trials", "threshold", "says"),
    [
        (make_trials("cm"), None, r"score.tsv: give sasv-score, or cm-score and asv-score"),
        (make_trials("asv"), None, r"score.tsv: give sasv-score, or cm-score and asv-score"),
        (make_trials("cm", "asv"), 0.0, r"score.tsv: --threshold is for sasv-score"),
        (make_trials("sasv"), float("nan"), r"--threshold: the threshold must be a finite number"),
        (make_trials("sasv"), float("inf"), r"--threshold: the threshold must be a finite number"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(trials, threshold, says):
    with pytest.raises(FadError, match=says):
        evaluate_sasv(trials, threshold)
