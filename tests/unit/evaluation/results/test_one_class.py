"""Sets that have only spoofs, or only bona fide speech."""

import json
import re

import pytest

from fad.data.tables import read_table, write_table
from fad.evaluation.calibration.model import Calibration, System, write_calibration
from fad.evaluation.html.page import write_pages
from fad.evaluation.results.evaluate import evaluate
from fad.evaluation.results.experiment import report
from fad.evaluation.results.one_class import dev_threshold, one_class_sentence
from fad.evaluation.results.terminal import set_text
from fad.evaluation.trials.trials import make_trials
from fad.experiment.scores import record_scoring
from tests.helpers.corpus import add_digests
from tests.unit.evaluation.results.test_schema import check

SCORES = {"u1": -2.0, "u2": -1.0, "u3": 0.5, "u4": 1.0}
ATTACKS = {"u1": "c/A01", "u2": "c/A02", "u3": "c/A02", "u4": "d/A03"}


def trials_of(label: str, **columns):
    attacks = ATTACKS if label == "spoof" else dict.fromkeys(SCORES, "-")
    return make_trials("set", SCORES, dict.fromkeys(SCORES, label), {"attack": attacks} | columns)


def test_spoofs_alone_have_the_share_that_is_rejected():
    found = evaluate(trials_of("spoof"), None, {"c/A02"}, threshold=0.5)
    check(found, "evaluation")
    assert (found["bonafide"], found["spoof"], found["eer_percent"]) == (0, 4, None)
    assert found["right_percent"] == 75  # what is at the threshold is rejected
    groups = found["by"]["attack"]["groups"]
    rights = {name: (part["spoof"], part["right_percent"]) for name, part in groups.items()}
    assert rights == {"c/A01": (1, 100), "c/A02": (2, 100), "d/A03": (1, 0)}
    seen = {name: part["seen_in_training"] for name, part in groups.items()}
    assert seen == {"c/A01": False, "c/A02": True, "d/A03": False}
    assert one_class_sentence(found) == (
        "There are no bona fide trials: EER, costs, Cllr and AUC need both classes. 75.00 % of the "
        "4 spoofed trials are rejected at the threshold 0.5 (given)."
    )
    text = set_text("set", found)
    assert "75.00 %" in text and "A03" in text and "d/A03" not in text and "minDCF" not in text


def test_bona_fide_speech_alone_has_the_share_that_is_accepted():
    found = evaluate(trials_of("bonafide", lang=dict.fromkeys(SCORES, "de") | {"u1": "fr"}), None)
    check(found, "evaluation")
    assert list(found["by"]) == ["lang"]
    assert found["right_percent"] is None
    assert "are accepted needs a threshold from other data" in one_class_sentence(found)
    found = evaluate(trials_of("bonafide"), threshold=-1.5)
    assert found["right_percent"] == 75
    assert "75.00 % of the 4 bona fide trials are accepted" in one_class_sentence(found)


@pytest.mark.parametrize(("scale", "value"), [(2.0, -0.25), (0.0, None), (-1.0, None)])
def test_the_threshold_of_dev_is_where_the_log_likelihood_ratio_is_0(scale, value):
    calibration = Calibration((scale,), 0.5, 0.5, 1, 1, (System("dev"),))
    found = dev_threshold(calibration)
    assert (found and found.value) == value
    if found:
        assert calibration.llr([value])[0] == 0
    assert dev_threshold(None) is None


@pytest.fixture
def with_spoofs(experiment):
    """The experiment, calibrated, with the set `spoofs` beside `eval`."""
    data = experiment.eval.with_name("spoofs")
    attacks = read_table(experiment.eval / "utt2attack")
    spoofs = [utt for utt, attack in attacks.items() if attack != "-"]
    for name in ("utt2label", "utt2attack", "utt2spk"):
        table = read_table(experiment.eval / name)
        data.mkdir(exist_ok=True)
        write_table(data / name, {utt: table[utt] for utt in spoofs})
    scores = read_table(experiment.exp / "scores/eval")
    write_table(experiment.exp / "scores/spoofs", {utt: scores[utt] for utt in spoofs})
    add_digests(data)
    record_scoring(experiment.directory, experiment.exp / "scores/spoofs", data)
    own = System("dev", None, experiment.directory.weights_sha256())
    write_calibration(
        experiment.directory.calibration, Calibration((1.5,), 0.75, 0.5, 9, 9, (own,))
    )
    return experiment, data


def test_stage_5_says_it_in_one_line_and_gives_the_rate_at_the_threshold_of_dev(
    with_spoofs, tmp_path
):
    experiment, data = with_spoofs
    tests = {"eval": experiment.eval, "spoofs": data}
    results = report(experiment.directory, tmp_path, tests, {})
    check(results)
    found = results["test_sets"]["spoofs"]
    scores = [float(score) for score in read_table(experiment.exp / "scores/spoofs").values()]
    right = 100 * sum(score <= -0.5 for score in scores) / len(scores)
    assert found["right_percent"] == pytest.approx(right)
    assert 0 < right < 100
    says = (
        "There are no bona fide trials: EER, costs, Cllr and AUC need both classes. "
        f"{right:.2f} % of the 110 spoofed trials are rejected at the threshold -0.5 "
        "(log-likelihood ratio 0, calibrated on dev)."
    )
    page = experiment.directory.results_md.read_text()
    assert says in page
    row = next(line for line in page.splitlines() if line.startswith("| macro-average"))
    assert f"{results['test_sets']['eval']['eer_percent']:.2f}" in row  # of the one set that has it
    assert not (experiment.exp / "det_spoofs.png").exists()
    assert list(json.loads(experiment.directory.curves.read_text())["test_sets"]) == ["eval"]
    write_pages(experiment.directory)
    html = re.sub(r"[\s\xa0]+", " ", experiment.directory.report.read_text())
    assert f"lora on spoofs: {says}" in html
    assert "Right decisions in percent on spoofs by attack" in html
    assert "mean over 2 sets" not in html


def test_a_report_of_one_class_alone_is_one_too(with_spoofs, tmp_path):
    experiment, data = with_spoofs
    results = report(experiment.directory, tmp_path, {"spoofs": data}, {})
    check(results)
    write_pages(experiment.directory)
    html = experiment.directory.report.read_text()
    assert "are rejected at the threshold" in html
    assert "equal error rate (EER" not in html
