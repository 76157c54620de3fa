import base64
import json
import re

import pytest

from fad.evaluation.html.page import page, write_pages
from fad.evaluation.results.overview import gather_with_curves
from fad.experiment.directory import ExperimentDir
from fad.utils.errors import FadError
from tests.helpers.markup import Page
from tests.helpers.reports import scored_trials, write_experiment

HOSTILE = "</td><script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>\"'&$x_"
PHASES = ("eval", "progress")


def make(*exp_dirs, title="Results"):
    source = page(gather_with_curves(exp_dirs), title)
    return source, Page(source)


@pytest.fixture
def exp(tmp_path):
    """Two seeds of one system, one of another that is better, two sets."""
    exp = tmp_path / "mini" / "exp"
    for seed in (1, 2):
        sets = {"eval": scored_trials(1.5, seed), "wild": scored_trials(0.5, seed)}
        write_experiment(exp, f"lora_seed{seed}", sets, seed)
    sets = {"eval": scored_trials(50), "wild": scored_trials(3.0)}
    write_experiment(exp, "full", sets, 1, trainable=900)
    return exp


def check_safe(found: Page, source: str) -> None:
    """No script, nothing from outside, nothing that runs."""
    assert not {tag for tag, _ in found.elements} & {"script", "iframe", "object", "link", "base"}
    assert not any(key.startswith("on") for _, given in found.elements for key in given)
    assert all(
        found.startswith(("data:image/svg+xml;base64,", "#")) for found in found.references()
    )
    assert not re.search(r"url\(|@import", source.split("</style>")[0])
    [policy] = [given["content"] for given in found.all("meta") if "http-equiv" in given]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_the_page_is_whole_in_itself_and_accessible(exp):
    source, found = make(exp)
    check_safe(found, source)
    assert source.startswith("<!DOCTYPE html>") and found.all("html") == [{"lang": "en"}]
    assert all(image["alt"] for image in found.all("img"))
    assert len(found.all("caption")) == len(found.all("table")) > 8
    ids = [given["id"] for _, given in found.elements if "id" in given]
    assert len(set(ids)) == len(ids)
    links = [given["href"].removeprefix("#") for given in found.all("a")]
    assert set(links) <= set(ids) and len(links) == 10
    headings = [tag for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == "h1" and headings.count("h1") == 1


def test_the_same_experiments_give_the_same_bytes(exp):
    assert make(exp)[0] == make(exp)[0]


def test_seeds_are_one_system_with_mean_deviation_and_best(exp):
    results = [run["test_sets"]["eval"]["eer_percent"] for run in gather_with_curves([exp])]
    low, high = sorted(results[:2])
    mean, deviation = (low + high) / 2, (high - low) / 2**0.5
    text = make(exp)[1].text
    assert "2 systems (3 training runs) were scored on 2 test sets: eval (40 bona fide" in text
    row = text[text.index("range of 95\xa0% intervals") :]
    assert f"lora2{macro(exp)}" in row
    assert f"{mean:.2f} ± {deviation:.2f}{low:.2f}" in row
    assert "0.00\xa0% on eval (full)" in text


def macro(exp):
    """The system's mean over both sets and its best run, as the table writes them."""
    runs = gather_with_curves([exp])[:2]
    means = [sum(found["eer_percent"] for found in run["test_sets"].values()) / 2 for run in runs]
    deviation = abs(means[0] - means[1]) / 2**0.5
    return f"{sum(means) / 2:.2f} ± {deviation:.2f}{min(means):.2f}"


def test_one_experiment_has_its_own_page_with_scores_of_the_hardest_trials(exp):
    _, found = make(exp / "full")
    [run] = gather_with_curves([exp / "full"])
    assert "The system full (adaptation lora) was scored on 2 test sets" in found.text
    hardest = run["curves"]["wild"]["hardest"]["spoof"][0]
    assert f"{hardest['utt']}{hardest['score']:.3f}false alarm{hardest['attack']}" in found.text
    for value in (run["git"], "ab" * 32, "cd" * 32, "lr: 900", "train.seed = 1"):
        assert value in found.text
    assert "12243A01" in found.text  # bona fide, spoofs, speakers and attacks of training


def test_a_calibration_is_said_and_its_costs_shown(exp):
    path = exp / "full" / "results.json"
    results = json.loads(path.read_text())
    results["test_sets"]["eval"]["calibrated"] = {
        **{"scale": 0.5, "offset": -1.0, "p_spoof": 0.05, "bayes_threshold": -0.6},
        **{"fitted_on": {"bonafide": 1200, "spoof": 60}, "act_dcf": 0.4321, "cllr_bits": 0.8765},
        "decisions": dict.fromkeys(("balanced_accuracy", "f1", "p_miss", "p_fa"), 0.5)
        | {"threshold": -0.6, "accuracy": 0.9123},
    }
    path.write_text(json.dumps(results))
    text = make(exp)[1].text
    assert "= 0.5 score -1 (nats), fitted on 1,200 bona fide and 60 spoofed" in text
    for title, value in (("actDCF, calibrated", "0.4321"), ("accuracy\xa0%", "91.23")):
        assert title in text and value in text


def test_phases_and_other_properties_have_their_tables(tmp_path):
    trials = scored_trials(phase=lambda i: PHASES[i % 2], codec=lambda i: f"codec{i % 3}")
    write_experiment(tmp_path / "r" / "exp", "lora", {"eval": trials})
    text = make(tmp_path / "r" / "exp")[1].text
    assert "eval (results are of this)2020" in text and "progress2020" in text
    assert "by codec, against bona fide of the group" in text
    assert all(f"codec{index}" in text for index in range(3))


def test_hostile_names_and_paths_stay_text(tmp_path):
    trials = scored_trials(
        attacks=(HOSTILE, "A02"),
        names=lambda utt: utt + HOSTILE,
        codec=lambda i: HOSTILE * (i % 2 + 1),
    )
    paths = {utt: f"/{HOSTILE}/{utt}" for utt in trials.utts.tolist()}
    hostile = {
        "settings": {"train.seed": HOSTILE},
        "tag": HOSTILE,
        "git": HOSTILE,
        "adaptation": HOSTILE,
        "pretrained": {"path": HOSTILE, "sha256": "ab" * 32},
        "config": {"encoder": HOSTILE, "train": {"seed": 1}},
        "training_data": {
            **{"train_set": HOSTILE, "dev_set": HOSTILE},
            **{"bonafide": 1, "spoof": 1, "speakers": 1, "attacks": [HOSTILE]},
        },
    }
    exp = tmp_path / "r" / "exp"
    write_experiment(exp, "lora", {HOSTILE: trials}, paths=paths, **hostile)
    source, found = make(exp, title=HOSTILE)
    check_safe(found, source)
    assert found.text.count("<script>alert(1)</script>") > 50
    assert "<script" not in source
    uris = [uri.split(",", 1)[1] for uri in found.references() if uri.startswith("data:")]
    assert uris and not any(b"<script" in base64.b64decode(uri) for uri in uris)


def test_warnings_stand_before_everything_else(tmp_path):
    exp = tmp_path / "r" / "exp"
    write_experiment(exp, "inverted", {"eval": scored_trials(-3)})
    write_experiment(
        exp, "old", {"eval": scored_trials(attacks=("A01",))}, trainable=7, curves=False
    )
    _, found = make(exp)
    top = found.text[: found.text.index("Summary")]
    assert "inverted on eval: EER above 50 %" in top
    assert "no curves.json beside the results of old" in top
    assert "not the same trials in all runs (bona fide + spoof: 40 + 20 for old; 40 + 40" in top


def test_an_experiment_without_curves_has_its_tables_and_no_plots(tmp_path):
    exp = tmp_path / "r" / "exp"
    write_experiment(exp, "old", {"eval": scored_trials()}, curves=False)
    _, found = make(exp)
    sections = [given["id"] for given in found.all("section")]
    assert sections == ["summary", "breakdown", "trials", "costs", "reading", "provenance"]
    assert len(found.all("img")) == 1  # the attacks, whose values are in results.json


def test_recipes_are_told_apart(tmp_path):
    for recipe, attacks in (("mini", ("A01",)), ("custom", ("A01", "A02"))):
        exp = tmp_path / recipe / "exp"
        write_experiment(exp, "lora", {"eval": scored_trials(attacks=attacks)}, data=recipe)
    _, found = make(tmp_path / "mini" / "exp", tmp_path / "custom" / "exp")
    assert "custom/eval" in found.text and "mini/eval" in found.text
    assert not [given for given in found.all("div") if given.get("class") == "warning"]
    assert "mean over 2 sets" not in found.text  # nobody was scored on both


def test_a_cost_that_nobody_measured_is_a_dash(tmp_path):
    unknown = {"seconds_per_epoch": None, "peak_memory_mb": None}
    for tag, trainable in (("lora", 50), ("full", 1000)):
        sets = {"eval": scored_trials()}
        write_experiment(tmp_path / "r" / "exp", tag, sets, trainable=trainable, cost=unknown)
    _, found = make(tmp_path / "r" / "exp")
    assert "5020.0x--" in found.text and "1,0001.0x--" in found.text
    assert not [image for image in found.all("img") if "seconds an epoch" in image["alt"]]


def test_nothing_to_show_is_an_error(tmp_path):
    write_experiment(tmp_path / "r" / "exp", "empty", {})
    with pytest.raises(FadError, match="run stage 5"):
        make(tmp_path / "r" / "exp")


def test_stage_5_writes_a_page_of_its_experiment_and_one_over_all(exp, caplog):
    write_pages(ExperimentDir(exp / "full"))
    assert (exp / "full" / "report.html").read_text() == page(
        gather_with_curves([exp / "full"]), "full of mini"
    )
    everything = (exp / "report.html").read_text()
    assert everything == page(gather_with_curves([exp]), "Results of mini")
    (exp / "lora_seed1" / "results.json").write_text("{}")
    write_pages(ExperimentDir(exp / "full"))
    assert (
        "left out: " in caplog.text
        and "lora_seed1/results.json: schema_version None" in caplog.text
    )
    assert (exp / "report.html").read_text() == page(
        [run for run in gather_with_curves([exp]) if run["tag"] != "lora_seed1"], "Results of mini"
    )


def test_two_that_end_at_once_leave_a_page_with_both(exp, monkeypatch):
    """Another experiment ends while the page over all is made, and makes it too."""
    monkeypatch.setattr("fad.evaluation.html.page.WAIT", 0.0)

    def gather(paths):
        found = gather_with_curves(paths)
        if paths == [exp]:
            with pytest.raises(FadError, match="in use by process"):
                write_pages(ExperimentDir(exp / "lora_seed1"))
            assert not (exp / "report.html").exists()
        return found

    (exp / "report.html").unlink(missing_ok=True)
    monkeypatch.setattr("fad.evaluation.html.page.gather_with_curves", gather)
    write_pages(ExperimentDir(exp / "full"))
    assert (exp / "report.html").exists()
