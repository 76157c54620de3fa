import json

import numpy as np
import pytest

from fad.evaluation.metrics.eer import eer
from fad.evaluation.results import breakdown
from fad.evaluation.results.evaluate import WORSE_THAN_CHANCE, evaluate
from fad.evaluation.results.tables import interval_basis
from fad.evaluation.trials.asv_scores import read_asv_scores
from fad.evaluation.trials.score_files import read_scores
from fad.evaluation.trials.trials import make_trials
from fad.utils.errors import FadError


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    """The groups of these tests have few trials."""
    monkeypatch.setattr(breakdown, "FEWEST", 1)


UTTS = [f"u{index:02d}" for index in range(60)]
ATTACKS = dict(zip(UTTS, ["-"] * 20 + ["A01"] * 20 + ["A02"] * 15 + ["A03"] * 5, strict=True))
LABELS = {utt: "bonafide" if attack == "-" else "spoof" for utt, attack in ATTACKS.items()}


@pytest.fixture
def scores():
    rng = np.random.default_rng(1)
    means = {"-": 1.5, "A01": -1.5, "A02": 0.0, "A03": 1.0}
    return {utt: means[ATTACKS[utt]] + rng.normal() for utt in UTTS}


def percent_against_all_bonafide(scores, attacks):
    bonafide = [scores[utt] for utt in UTTS if ATTACKS[utt] == "-"]
    return 100 * eer(bonafide, [scores[utt] for utt in UTTS if ATTACKS[utt] in attacks])[0]


def test_attacks_and_pools_are_measured_against_all_bona_fide_trials(scores):
    trials = make_trials("eval", scores, LABELS, {"attack": ATTACKS})
    found = evaluate(trials, trained_attacks={"A01", "A02", "A99"})
    assert (found["bonafide"], found["spoof"]) == (20, 40)
    assert list(found["by"]["attack"]["groups"]) == ["A01", "A02", "A03"]
    for attack, part in found["by"]["attack"]["groups"].items():
        assert part["eer_percent"] == percent_against_all_bonafide(scores, {attack})
        assert part["bonafide"] == 20
    marks = {
        attack: part["seen_in_training"] for attack, part in found["by"]["attack"]["groups"].items()
    }
    assert marks == {"A01": True, "A02": True, "A03": False}
    assert (found["seen"]["spoof"], found["seen"]["attacks"]) == (35, ["A01", "A02"])
    assert found["seen"]["eer_percent"] == percent_against_all_bonafide(scores, {"A01", "A02"})
    assert found["unseen"]["eer_percent"] == percent_against_all_bonafide(scores, {"A03"})


def test_what_is_not_known_is_left_out(scores):
    found = evaluate(make_trials("eval", scores, LABELS), resamples=0)
    assert found["by"] == {}
    assert not found.keys() & {"seen", "unseen", "min_tdcf_2019", "asv", "eer_interval"}
    only_new = evaluate(
        make_trials("eval", scores, LABELS, {"attack": ATTACKS}), trained_attacks={"B01"}
    )
    assert "seen" not in only_new and only_new["unseen"]["spoof"] == 40


def test_the_order_of_the_tables_does_not_matter(scores):
    reverse = {utt: scores[utt] for utt in reversed(UTTS)}
    first = evaluate(make_trials("eval", scores, LABELS, {"attack": ATTACKS}))
    assert first == evaluate(make_trials("eval", reverse, LABELS, {"attack": ATTACKS}))
    assert json.loads(json.dumps(first, allow_nan=False)) == first


def test_the_interval_says_what_it_was_drawn_over(scores):
    speakers = {utt: f"s{index % 6}" for index, utt in enumerate(UTTS)}
    by_speaker = evaluate(
        make_trials("eval", scores, LABELS, {"attack": ATTACKS, "speaker": speakers})
    )
    interval = by_speaker["eer_interval"]
    assert (interval["over"], interval["units"], interval["level"]) == ("speakers", 6, 0.95)
    assert interval["low_percent"] < by_speaker["eer_percent"] < interval["high_percent"]
    assert by_speaker["by"]["attack"]["groups"]["A03"]["eer_interval"]["over"] == "speakers"
    by_trial = evaluate(make_trials("eval", scores, LABELS, {"attack": ATTACKS}))["eer_interval"]
    assert (by_trial["over"], by_trial["units"]) == ("trials", 60)


def test_attacks_are_drawn_where_asked_and_enough(scores):
    six = {
        utt: "-" if attack == "-" else f"A{i % 6}"
        for i, (utt, attack) in enumerate(ATTACKS.items())
    }
    speakers = {utt: f"s{index % 7}" for index, utt in enumerate(UTTS)}
    trials = make_trials("eval", scores, LABELS, {"attack": six, "speaker": speakers})
    plain, drawn = evaluate(trials), evaluate(trials, draw_attacks=True)
    assert drawn["eer_interval"]["over"] == "speakers and attacks"
    assert interval_basis(drawn) == "7 speakers and 6 attacks"
    assert not any("no attacks are drawn" in warning for warning in drawn["warnings"])
    assert drawn["eer_percent"] == plain["eer_percent"]
    assert interval_basis(drawn["by"]["attack"]["groups"]["A1"]) == "7 speakers"
    few = evaluate(make_trials("eval", scores, LABELS, {"attack": ATTACKS}), draw_attacks=True)
    assert few["eer_interval"]["over"] == "trials"
    assert "no attacks are drawn: 5 or more must be known" in few["warnings"]


def test_an_inverted_sign_is_said_and_not_repaired(scores):
    inverted = {utt: -score for utt, score in scores.items()}
    found = evaluate(make_trials("eval", inverted, LABELS))
    assert found["eer_percent"] > 50
    (warning,) = found["warnings"]
    assert warning.startswith("EER above 50 %: are the scores inverted?")
    own = evaluate(make_trials("eval", inverted, LABELS), sign_known=True)["warnings"]
    assert own == [f"EER above 50 %: {WORSE_THAN_CHANCE}"]
    upright = evaluate(make_trials("eval", scores, LABELS))["eer_percent"]
    assert f"(negated, these have an EER of {upright:.2f} %)" in warning
    assert evaluate(make_trials("eval", scores, LABELS))["warnings"] == []


def test_a_tdcf_that_is_not_defined_costs_no_other_result(scores):
    asv = {"target": np.arange(-40.0, 0.0), "nontarget": np.ones(3), "spoof": np.ones(3)}
    found = evaluate(make_trials("eval", scores, LABELS), asv, resamples=0)
    assert found["min_tdcf_2019"] is found["min_tdcf_2021"] is None
    assert [text.partition(":")[0] for text in found["warnings"]] == [
        "no min_tdcf_2019",
        "no min_tdcf_2021",
    ]
    assert found["eer_percent"] == evaluate(make_trials("eval", scores, LABELS))["eer_percent"]
    with pytest.raises(FadError, match="eval: there are no ASV target scores"):
        evaluate(make_trials("eval", scores, LABELS), asv | {"target": np.empty(0)})


def test_an_unknown_speaker_is_the_trials_own(scores):
    names = {utt: f"s{index % 7}" if index % 2 else "-" for index, utt in enumerate(UTTS)}
    own = {utt: utt if name == "-" else name for utt, name in names.items()}
    dashed = evaluate(make_trials("eval", scores, LABELS, {"speaker": names}))
    assert (
        dashed["eer_interval"]
        == (evaluate(make_trials("eval", scores, LABELS, {"speaker": own}))["eer_interval"])
    )
    speakers = dashed["by"]["speaker"]
    assert "-" not in speakers["groups"] and speakers["unknown"] == 30


def test_too_few_speakers_are_said(scores):
    names = {utt: f"s{index % 3}" for index, utt in enumerate(UTTS)}
    found = evaluate(make_trials("eval", scores, LABELS, {"speaker": names}))
    assert found["eer_interval"]["over"] == "trials"
    assert found["warnings"] == [
        "the interval is over trials and too narrow: a class has under 5 speakers"
    ]


def test_spoofs_of_an_unknown_attack_are_counted(scores):
    attacks = ATTACKS | {"u20": "-", "u21": "-"}
    found = evaluate(make_trials("eval", scores, LABELS, {"attack": attacks}), resamples=0)
    part = found["by"]["attack"]
    assert part["unknown"] == 2
    assert sum(group["spoof"] for group in part["groups"].values()) == 38


def test_official_values_end_to_end(asvspoof2019_la):
    file = read_scores(asvspoof2019_la / "cm_scores" / "RawGAT_ST_add.txt")
    asv_file = "ASVspoof2019.LA.asv.eval.gi.trl.scores.txt"
    asv = read_asv_scores(asvspoof2019_la / "asv_scores" / asv_file)
    trials = make_trials("RawGAT", file.scores, file.labels, {"attack": file.columns["attack"]})
    found = evaluate(trials, asv, resamples=0)
    assert (found["bonafide"], found["spoof"]) == (7355, 63882)
    digits = {
        "eer_percent": "1.158596",
        "min_tdcf_2019": "0.037372",
        "min_tdcf_2021": "0.097760",
        "min_dcf": "0.032281",
        "act_dcf": "0.046674",
        "cllr_bits": "0.078080",
    }
    assert {key: f"{found[key]:.6f}" for key in digits} == digits
    assert f"{found['asv']['p_miss_spoof']:.10f}" == "0.2393475470"
    assert len(found["by"]["attack"]["groups"]) == 13
    assert f"{found['by']['attack']['groups']['A18']['eer_percent']:.6f}" == "3.212002"
