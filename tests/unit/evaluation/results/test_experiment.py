import json
import re
import weakref
from pathlib import Path

import pytest
from PIL import Image

from fad.data.tables import read_table, write_table
from fad.evaluation.calibration.model import Calibration, System, write_calibration
from fad.evaluation.metrics.cllr import cllr
from fad.evaluation.metrics.dcf import act_dcf
from fad.evaluation.results.curves import read_curves, set_curves
from fad.evaluation.results.experiment import read_trials, report
from fad.evaluation.results.markdown import results_md
from fad.experiment.scores import record_scoring
from fad.experiment.summary import read_cost
from fad.utils.errors import FadError
from fad.utils.files import sha256_file

NO_DUMP = Path("none")  # nothing of it is read


def make_report(experiment, name="eval", asv_files=()):
    return report(experiment.directory, NO_DUMP, {name: experiment.eval}, dict(asv_files))


def test_results_json_holds_the_experiment_and_each_set(experiment):
    returned = make_report(experiment)
    found = json.loads((experiment.exp / "results.json").read_text())
    assert found == returned
    assert (found["schema_version"], found["tag"], found["seed"]) == (3, "lora", 7)
    assert found["config_name"] == "lora"
    assert found["parameters"]["trainable"] == 10_000
    assert found["settings"] == {"train.lr": "0.5"}
    assert found["config"]["adaptation_conf"]["rank"] == 4
    assert found["training_data"] == {
        "train_set": "train",
        "dev_set": "dev",
        "bonafide": 1,
        "spoof": 3,
        "speakers": 2,
        "attacks": ["mini/lpc", "mini/other", "mini/world"],
    }
    assert found["pretrained"]["sha256"] == "ab" * 32
    results = found["test_sets"]["eval"]
    assert (results["bonafide"], results["spoof"]) == (60, 110)
    assert results["seen"]["attacks"] == ["mini/lpc", "mini/world"]
    assert results["unseen"]["attacks"] == ["mini/tts"]
    assert results["unseen"]["eer_percent"] > results["seen"]["eer_percent"]
    assert results["eer_interval"]["over"] == "speakers"
    assert len(results["scores_sha256"]) == 64


def test_a_second_run_writes_the_same_bytes(experiment):
    names = ("results.json", "curves.json", "RESULTS.md", "det_eval.png")
    make_report(experiment)
    first = [(experiment.exp / name).read_bytes() for name in names]
    make_report(experiment)
    assert [(experiment.exp / name).read_bytes() for name in names] == first


def test_results_md_shows_every_attack_with_its_mark(experiment):
    found = make_report(experiment)["test_sets"]["eval"]
    page = (experiment.exp / "RESULTS.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    rows = {row[0]: row[1:] for row in rows if row}
    tts = found["by"]["attack"]["groups"]["mini/tts"]
    assert rows["tts"][:4] == ["unseen", "60", "30", f"{tts['eer_percent']:.2f}"]
    assert rows["world"][:3] == ["seen", "60", "40"]
    macro = found["by"]["attack"]["macro_eer_percent"]
    assert re.search(rf"\| macro-average +\|( +- +\|){{3}} +{macro:.2f} \|", page)
    assert rows["unseen in training"][:2] == ["60", "30"]
    assert rows["trainable"] == ["10,000 (200.0 times fewer)"]
    assert rows["other settings than its"] == ["train.lr 0.5"]
    assert rows["encoder"] == ["xlsr of mini.pt"]
    assert rows["best epoch"] == ["3 (dev EER 1.25 %)"]
    assert rows["minDCF, ASVspoof 5"] == [f"{found['min_dcf']:.4f}"]
    assert "![DET curves on eval](det_eval.png)" in page
    assert "higher means more bona fide" in page and "Warning" not in page


def test_a_set_of_another_recipe_has_a_slash(experiment):
    scores = experiment.exp / "scores"
    (scores / "other").mkdir()
    for name in ("eval", "eval.weights.sha256"):
        (scores / name).rename(scores / "other" / name)
    assert list(make_report(experiment, "other/eval")["test_sets"]) == ["other/eval"]
    assert Image.open(experiment.exp / "det_other_eval.png").size[0] == 800


def test_sets_that_are_not_named_are_evaluated_anew(experiment, caplog):
    make_report(experiment)
    both = experiment.exp / "scores"
    (both / "more").write_bytes((both / "eval").read_bytes())
    record_scoring(experiment.directory, both / "more", experiment.eval)
    calibrate(experiment)
    attacks = read_table(experiment.eval / "utt2attack")
    renamed = {utt: attack.replace("tts", "new") for utt, attack in attacks.items()}
    write_table(experiment.eval / "utt2attack", renamed)
    found = make_report(experiment, "more")["test_sets"]
    assert list(found) == ["eval", "more"]
    assert found["eval"] == found["more"]
    assert "calibrated" in found["eval"] and "mini/new" in found["eval"]["by"]["attack"]["groups"]
    page = (experiment.exp / "RESULTS.md").read_text()
    assert "## All test sets" in page and "![DET curves on eval](det_eval.png)" in page
    (both / "eval.weights.sha256").write_text("0" * 64)
    assert list(make_report(experiment, "more")["test_sets"]) == ["more"]
    assert "eval is no longer reported" in caplog.text
    (experiment.exp / "results.json").write_text("{}")  # of another schema
    assert list(make_report(experiment, "more")["test_sets"]) == ["more"]


def test_a_calibration_that_tells_nothing_is_a_warning(experiment):
    own = System("dev", None, sha256_file(experiment.exp / "best.safetensors"))
    write_calibration(
        experiment.exp / "calibration.json", Calibration((0.0,), 0.0, 0.5, 40, 60, (own,))
    )
    (warning,) = make_report(experiment)["test_sets"]["eval"]["warnings"]
    assert warning.startswith("the calibration has no information")


def test_asv_scores_of_all_phases_are_refused(experiment, tmp_path):
    utts = read_table(experiment.eval / "utt2label")
    write_table(experiment.eval / "utt2phase", dict.fromkeys(utts, "eval"))
    with pytest.raises(FadError, match=r"asv: ASV scores say no phases"):
        make_report(experiment, asv_files={"eval": tmp_path / "asv"}.items())


def test_clips_that_were_left_out_are_said(experiment):
    (experiment.eval / "errors").write_text("mini-900 cannot be read\n")
    assert make_report(experiment)["test_sets"]["eval"]["skipped_clips"] == 1
    assert "1 clip could not be read" in (experiment.exp / "RESULTS.md").read_text()


def calibrate(experiment, weights=None):
    own = sha256_file(experiment.exp / "best.safetensors")
    systems = (System("dev", None, weights or own),)
    calibration = Calibration((0.5,), -1.0, 0.5, 40, 60, systems)
    write_calibration(experiment.exp / "calibration.json", calibration)
    return calibration


def test_a_calibration_beside_the_model_is_applied(experiment):
    calibration = calibrate(experiment)
    found = make_report(experiment)["test_sets"]["eval"]
    trials = read_trials(experiment.directory, "eval", experiment.eval)
    bonafide, spoof = calibration.llr(trials.bonafide), calibration.llr(trials.spoof)
    assert found["calibrated"]["cllr_bits"] == cllr(bonafide, spoof)
    assert found["calibrated"]["act_dcf"] == act_dcf(bonafide, spoof)
    page = (experiment.exp / "RESULTS.md").read_text()
    assert "### Calibrated" in page and "llr = 0.5 score -1 (nats)" in page
    assert f"{found['calibrated']['cllr_bits']:.4f}" in page


def test_calibrated_results_are_of_the_phase(experiment):
    calibration = calibrate(experiment)
    utts = read_table(experiment.eval / "utt2label")
    phases = {utt: "eval" if index % 2 else "hidden" for index, utt in enumerate(utts)}
    write_table(experiment.eval / "utt2phase", phases)
    found = make_report(experiment)["test_sets"]["eval"]
    trials = read_trials(experiment.directory, "eval", experiment.eval)
    own = trials.subset(trials.columns["phase"] == "eval")
    expected = cllr(calibration.llr(own.bonafide), calibration.llr(own.spoof))
    assert found["calibrated"]["cllr_bits"] == expected
    assert found["bonafide"] + found["spoof"] == own.utts.size < trials.utts.size
    ratios = calibration.llr(own.scores)
    assert read_curves(experiment.directory) == {
        "eval": set_curves(own, {"mini/world", "mini/lpc"}, ratios, {})
    }


def test_curves_hold_the_paths_of_the_audio_and_stay_with_their_set(experiment):
    utts = read_table(experiment.eval / "utt2label")
    write_table(experiment.eval / "wav.scp", {utt: f"/audio/{utt}.flac" for utt in utts})
    make_report(experiment)
    first = read_curves(experiment.directory)["eval"]
    for trial in first["hardest"]["spoof"] + first["hardest"]["bonafide"]:
        assert trial["path"] == f"/audio/{trial['utt']}.flac"
    for name in ("eval", "eval.weights.sha256"):
        scores = experiment.exp / "scores" / name
        scores.with_name(name.replace("eval", "wild")).write_bytes(scores.read_bytes())
    make_report(experiment, "wild")
    found = read_curves(experiment.directory)
    assert found["eval"] == found["wild"] == first
    (experiment.eval / "wav.scp").unlink()
    make_report(experiment)
    assert read_curves(experiment.directory)["eval"]["hardest"]["spoof"][0]["path"] is None


def test_a_calibration_of_other_weights_is_refused(experiment):
    calibrate(experiment, "ef" * 32)
    with pytest.raises(FadError, match=r"calibration.json: of other weights"):
        make_report(experiment)


def test_asv_scores_give_the_tdcf(experiment, tmp_path):
    asv = tmp_path / "asv"
    asv.write_text("- target 3\n- target 1\n- nontarget -3\n- nontarget 0\ntts spoof 2\n")
    found = make_report(experiment, asv_files={"eval": asv}.items())["test_sets"]["eval"]
    assert 0 < found["min_tdcf_2019"] <= 1 and 0 < found["min_tdcf_2021"] <= 1
    assert "min t-DCF, ASVspoof 2021" in (experiment.exp / "RESULTS.md").read_text()


def test_an_inverted_sign_is_on_the_page(experiment):
    path = experiment.exp / "scores" / "eval"
    lines = (line.split() for line in path.read_text().splitlines())
    path.write_text("".join(f"{utt} {-float(score)}\n" for utt, score in lines))
    make_report(experiment)
    assert "**Warning: EER above 50 %" in (experiment.exp / "RESULTS.md").read_text()


def test_missing_inputs_name_the_stage_that_makes_them(experiment):
    with pytest.raises(FadError, match=r"scores/dev: not there: .*stage 4"):
        make_report(experiment, "dev")
    summary = experiment.exp / "train_summary.json"
    summary.write_text('{"seed": 1}')
    with pytest.raises(FadError, match=r"lacks config_name.*stage 3"):
        make_report(experiment)
    summary.write_text("{")
    with pytest.raises(FadError, match="is no JSON"):
        make_report(experiment)
    summary.unlink()
    with pytest.raises(FadError, match=r"train_summary.json: cannot be read .*stage 3"):
        make_report(experiment)
    assert not (experiment.exp / "results.json").exists()


def test_sets_that_do_not_fit_together_are_refused(experiment, tmp_path):
    with pytest.raises(FadError, match="ASV scores are given for 'dev'"):
        make_report(experiment, asv_files={"dev": tmp_path}.items())
    tests = {"a/b": experiment.eval, "a_b": experiment.eval}
    with pytest.raises(FadError, match="share a plot"):
        report(experiment.directory, NO_DUMP, tests, {})


def test_the_trials_of_one_set_at_a_time_are_in_memory(experiment, monkeypatch):
    both, alive = experiment.exp / "scores", []
    for name in ("more", "most"):
        (both / name).write_bytes((both / "eval").read_bytes())
        record_scoring(experiment.directory, both / name, experiment.eval)
    make_report(experiment)

    def read_watched(*words):
        assert not any(trials() for trials in alive)
        found = read_trials(*words)
        alive.append(weakref.ref(found))
        return found

    monkeypatch.setattr("fad.evaluation.results.experiment.read_trials", read_watched)
    tests = dict.fromkeys(("more", "most"), experiment.eval)
    found = report(experiment.directory, NO_DUMP, tests, {})["test_sets"]
    assert list(found) == ["eval", "more", "most"] and len(alive) == 3


def test_names_of_strangers_are_no_markup_in_results_md(experiment):
    results = make_report(experiment)
    found = results["test_sets"]["eval"]
    found["warnings"] += ["<b>no\x1b[2J"]
    found["by"]["<b>"] = found["by"].pop("attack")
    page = results_md(results | {"test_sets": {"<b>": found}}, read_cost(experiment.directory), {})
    assert r"**Warning: \<b\>no\\x1b\[2J**" in page
    assert r"## \<b\>" in page and r"### By \<b\>, against" in page
    assert not re.search(r"(?<!\\)<", page)


@pytest.mark.parametrize("key", ["parameters", "best", "pretrained"])
def test_a_summary_that_lacks_a_part_is_named(experiment, key):
    path = experiment.exp / "train_summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: {}}))
    with pytest.raises(FadError, match=f"{key}: .* is a required property: run stage 3 again"):
        make_report(experiment)


def test_broken_results_of_its_own_are_named_and_made_anew(experiment, caplog):
    make_report(experiment)
    (experiment.exp / "results.json").write_text("[" * 100_000)
    assert list(make_report(experiment)["test_sets"]) == ["eval"]
    assert "results.json: is no JSON (nested too deep)" in caplog.text
    assert "its other test sets are no longer reported" in caplog.text
