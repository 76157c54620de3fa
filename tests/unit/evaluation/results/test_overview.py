import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fad.bin.show_results import main
from fad.evaluation.html.page import page
from fad.evaluation.results.overview import (
    each_alone,
    gather,
    gather_with_curves,
    overview_table,
    read_results,
)
from fad.evaluation.results.same_trials import different_trials
from fad.evaluation.results.systems import group_seeds
from fad.evaluation.results.tables import SCHEMA_VERSION
from fad.evaluation.results.text import markdown_table, terminal_table
from fad.utils.errors import FadError
from tests.helpers.reports import scored_trials, write_experiment

ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}


COUNTS = {"bonafide": 3, "spoof": 4}
COSTS = dict.fromkeys(("min_dcf", "act_dcf", "cllr_bits", "min_cllr_bits", "auc"), 0.5)
SET = {**COUNTS, **COSTS, "eer_threshold": 0.5, "by": {}, "warnings": []}
SET |= {"scores_sha256": None, "data": "dump/audio/eval", "asv_file": None, "skipped_clips": 0}


def write_results(exp, tag, trainable, sets, version=SCHEMA_VERSION, seed=1):
    results = {
        "schema_version": version,
        "tag": tag,
        "seed": seed,
        "config": {"train": {"seed": seed, "lr": trainable}},
        "pretrained": {"path": None, "sha256": "ab" * 32},
        "parameters": {"total": 1000, "trainable": trainable, "ratio": 1000 / trainable},
        "best": {"epoch": 1, "dev_eer": 0.1, "dev_loss": 0.1},
        "test_sets": {name: SET | found for name, found in sets.items()},
        **dict.fromkeys(("git", "trained_with", "training_data")),
        **{"config_name": "lora", "adaptation": "lora", "settings": {}},
    }
    results["parameters"] |= {"adaptation": 0, "backend": 0}
    cost = {"seconds_per_epoch": 2.345, "peak_memory_mb": 1234.5 + seed}
    cost |= {"epochs": 3, "device": "cpu", "processes": 1}
    (exp / tag).mkdir(parents=True)
    (exp / tag / "results.json").write_text(json.dumps(results))
    (exp / tag / "cost.json").write_text(json.dumps(cost))


def pools(eer, seen, unseen):
    parts = {"eer_percent": eer, "seen": seen, "unseen": unseen}
    return parts | {name: COUNTS | {"eer_percent": parts[name]} for name in ("seen", "unseen")}


@pytest.fixture
def exp(tmp_path):
    found = {"eval": pools(5.0, 4.0, 6.25)}
    write_results(tmp_path / "exp", "full", 1000, found)
    write_results(tmp_path / "exp", "lora", 50, found | {"wild": {"eer_percent": 30.0}})
    write_results(tmp_path / "exp", "frozen", 10, found)
    return tmp_path / "exp"


def test_sorted_by_trainable_parameters_or_by_name(exp):
    assert [found["tag"] for found in gather([exp])] == ["frozen", "lora", "full"]
    assert [found["tag"] for found in gather([exp], "name")] == ["frozen", "full", "lora"]


def test_the_table_has_three_columns_a_set(exp):
    header, rows = overview_table(group_seeds(gather([exp])))
    assert header[6:] == [
        *("eval EER %", "seen", "unseen"),
        *("wild EER %", "seen", "unseen"),
        "results in",
    ]
    lora = rows[1]
    assert lora[:6] == ["lora", "1", "50", "20.0x", "2.3", "1,236"]
    assert lora[6:] == ["5.00", "4.00", "6.25", "30.00", "-", "-", str(exp / "lora")]
    assert rows[0][9:12] == ["-", "-", "-"]


def test_seeds_are_one_row_with_deviation_and_best_or_each_its_own(exp):
    write_results(exp, "lora_seed3", 50, {"eval": pools(8.0, 4.0, 7.25)}, seed=3)
    runs = gather([exp])
    row = overview_table(group_seeds(runs))[1][1]
    assert row[:2] == ["lora", "2"] and row[5] == "1,238"
    assert row[6:9] == ["6.50 ± 2.12 (5.00)", "4.00 ± 0.00", "6.75 ± 0.71"]
    assert row[-1] == str(exp)
    alone = overview_table(each_alone(runs))[1]
    assert [row[0] for row in alone] == ["frozen", "lora", "lora_seed3", "full"]
    assert alone[2][6] == "8.00" and alone[2][-1] == str(exp / "lora_seed3")


def test_several_folders_and_a_tag_of_its_own(exp, tmp_path):
    write_results(tmp_path / "other", "lora", 50, {})
    assert len(gather([exp, tmp_path / "other"])) == 4
    assert [found["tag"] for found in gather([exp / "full"])] == ["full"]
    assert len(gather([exp, exp, exp / "full"])) == 3  # each file once


def test_experiments_without_results_are_named(exp, caplog):
    gather([exp, exp / "lora"])
    assert caplog.text == ""
    for index in range(5):
        (exp / f"late{index}").mkdir()
        (exp / f"late{index}" / "config.yaml").write_text("")
    (exp / "lora" / "config.yaml").write_text("")
    (exp / "a_folder_of_something_else").mkdir()
    assert len(gather([exp, exp / "late0"])) == 3
    [record] = caplog.records
    assert record.levelname == "WARNING" and record.getMessage() == (
        "5 of 8 experiments have no results.json (run stage 5): late0, late1, late2, ..."
    )
    caplog.clear()
    gather([exp / "lora", exp / "late4"])
    assert (
        caplog.records[0]
        .getMessage()
        .endswith("1 of 2 experiments have no results.json (run stage 5): late4")
    )


def test_nothing_to_show_and_another_schema_are_errors(exp, tmp_path):
    with pytest.raises(FadError, match=r"no <tag>/results.json in .*nowhere: run stage 5"):
        gather([tmp_path / "nowhere"])
    write_results(exp, "old", 1, {}, version=0)
    with pytest.raises(FadError, match="no results can be read"):
        gather([exp / "old"])
    with pytest.raises(FadError, match="schema_version 0, not 3: run stage 5 again"):
        read_results(exp / "old/results.json")


ODD = ["[]", "3", "null", "{}", '{"schema_version": 2}', "[" * 99_999, '{"schema_version": 3}', "x"]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_broken_results_are_left_out_and_their_neighbours_shown(exp, text, caplog):
    whole = overview_table(each_alone(gather([exp])))
    write_results(exp, "theirs", 7, {})
    (exp / "theirs/results.json").write_text(text)
    assert overview_table(each_alone(gather([exp]))) == whole
    assert "left out: " in caplog.text and "theirs/results.json: " in caplog.text


@pytest.mark.parametrize(
    "change", [{"tag": 3}, {"test_sets": []}, {"parameters": "x"}, {"config": [1]}, {"seed": "1"}]
)
def test_values_of_another_type_are_named(exp, change):
    path = exp / "lora/results.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    (key,) = change
    with pytest.raises(FadError, match=f"results.json: {key}: .* is not of type"):
        read_results(path)


def test_names_of_strangers_move_no_cursor_and_are_no_markup():
    name = "a\x1b[31m<script>|b"
    assert "\x1b" not in terminal_table(["system"], [[name]])
    shown = markdown_table(["system"], [[name]])
    assert "\x1b" not in shown and "\\<script\\>\\|b" in shown


def test_the_program_runs_by_itself_in_a_recipe(exp):
    command = [sys.executable, "-m", "fad.bin.show_results", "--sort", "name"]
    done = subprocess.run(
        command, env=ENV, cwd=exp.parent, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[0].split()[:3] == ["system", "runs", "trainable"]
    assert [line.split()[0] for line in lines[2:]] == ["frozen", "full", "lora"]
    markdown = subprocess.run(
        [*command, "--markdown"],
        env=ENV,
        cwd=exp.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    write_results(exp, "lora_seed3", 50, {}, seed=3)
    for option, rows in ((), 3), (("--seeds",), 4):
        done = subprocess.run(
            [*command, *option], cwd=exp.parent, capture_output=True, text=True, check=True
        )
        assert len(done.stdout.splitlines()) == 2 + rows
    assert markdown.stdout.startswith("| system") and len(markdown.stdout.splitlines()) == 5


def test_the_program_fails_in_one_line_where_there_is_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "fad.bin.show_results"],
        env=ENV,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "run stage 5" in done.stderr


def test_systems_on_other_trials_are_told_apart_in_one_column(exp):
    """As many trials of each class, and not the same ones."""
    assert different_trials(each_alone(gather([exp]))) == {}
    for tag, digit in (("full", "a"), ("lora", "a"), ("frozen", "b")):
        path = exp / tag / "results.json"
        found = json.loads(path.read_text())
        found["test_sets"]["eval"] |= {"trials_sha256": 64 * digit, "bonafide": 3, "spoof": 4}
        path.write_text(json.dumps(found))
    notes = different_trials(each_alone(gather([exp])))
    assert notes["eval"] == (
        "eval: not the same trials in all runs (bona fide + spoof: 3 + 4 for frozen; "
        "3 + 4 for lora, full)"
    )
    header, _ = overview_table(each_alone(gather([exp])), notes)
    assert header[6] == "eval EER % *" and "wild EER %" in header


@pytest.mark.parametrize(("options", "mark"), [((), "* "), (("--markdown",), "\\* ")])
def test_the_table_itself_says_that_trials_differ(exp, capsys, options, mark):
    rewrite(exp / "lora/results.json", in_set(with_(bonafide=2)))
    main([str(exp), "--sort", "name", *options])
    shown = capsys.readouterr().out
    assert "eval EER % *" in shown
    note = "eval: not the same trials in all runs (bona fide + spoof: 3 + 4 for frozen, full; "
    assert shown.endswith(f"\n{mark}{note}2 + 4 for lora)\n")


def without(key):
    return lambda found: found.pop(key)


def with_(**values):
    return lambda found: found.update(values)


def in_set(change):
    return lambda found: change(found["test_sets"]["eval"])


ODD_FORMS = {
    "schema_version": with_(schema_version="3"),
    "tag": with_(tag=None),
    "seed": with_(seed="1"),
    "git": without("git"),
    "config": with_(config={"train": 3}),
    "settings": with_(settings=None),
    "parameters": with_(parameters={}),
    "parameters/total": lambda found: found["parameters"].pop("total"),
    "pretrained": with_(pretrained=None),
    "best": with_(best={"epoch": 1}),
    "training_data": with_(training_data={"attacks": [None]}),
    "test_sets": with_(test_sets=[]),
    "test_sets/eval": with_(test_sets={"eval": None}),
    "bonafide": in_set(with_(bonafide=0)),
    "eer_percent": in_set(with_(eer_percent=None)),
    "eer_percent over 100": in_set(with_(eer_percent=1e99)),
    "eer_percent NaN": in_set(with_(eer_percent=float("nan"))),
    "eer_threshold": in_set(with_(eer_threshold=1e101)),
    "eer_interval": in_set(lambda found: found["eer_interval"].pop("over")),
    "seen": in_set(with_(seen=None)),
    "by": in_set(with_(by={"codec": {}})),
    "by/attack": in_set(lambda found: found["by"]["attack"].pop("against")),
    "group": in_set(lambda found: found["by"]["attack"]["groups"].update(A01={})),
    "warnings": in_set(with_(warnings="x")),
}
ODD_CURVES = {
    "version": with_(version=2),
    "test_sets": with_(test_sets=None),
    "no det": in_set(without("det")),
    "no curve of all": in_set(with_(det={})),
    "other lengths": in_set(lambda found: found["det"]["all"]["misses"].append(0)),
    "no edges": in_set(lambda found: found["histogram"].update(edges=[])),
    "a bin too few": in_set(lambda found: found["histogram"]["spoof"].pop()),
    "no priors": in_set(lambda found: found["bayes"]["prior_log_odds"].pop()),
    "a trial without a name": in_set(lambda found: found["hardest"]["spoof"][0].pop("utt")),
}


@pytest.fixture
def mine_and_theirs(tmp_path):
    exp = tmp_path / "mini/exp"
    write_experiment(exp, "mine", {"eval": scored_trials()})
    return exp, write_experiment(exp, "theirs", {"eval": scored_trials()}, trainable=7)


@pytest.mark.parametrize("change", ODD_FORMS.values(), ids=ODD_FORMS)
def test_results_that_are_not_what_the_schema_says_are_left_out(mine_and_theirs, change, caplog):
    exp, theirs = mine_and_theirs
    rewrite(theirs / "results.json", change)
    (run,) = gather_with_curves([exp])
    assert run["tag"] == "mine"
    assert f"left out: {theirs}/results.json: " in caplog.text and ": run stage 5" in caplog.text


@pytest.mark.parametrize("change", ODD_CURVES.values(), ids=ODD_CURVES)
def test_results_with_broken_curves_are_shown_without_plots(mine_and_theirs, change, caplog):
    exp, theirs = mine_and_theirs
    rewrite(theirs / "curves.json", change)
    runs = {run["tag"]: run["curves"] for run in gather_with_curves([exp])}
    assert runs["theirs"] is None and runs["mine"]
    assert f"shown without its plots: {theirs}/curves.json: " in caplog.text


def test_curves_of_sets_that_the_results_lack_are_left_out(mine_and_theirs):
    exp, theirs = mine_and_theirs
    rewrite(theirs / "results.json", with_(test_sets={}))
    assert [run["curves"] for run in gather_with_curves([theirs])] == [{}]
    assert page(gather_with_curves([exp]), "title")


@pytest.mark.parametrize("change", [with_(epochs="3"), without("device"), with_(processes=[])])
def test_a_cost_of_another_type_leaves_the_experiment_out(mine_and_theirs, change, caplog):
    exp, theirs = mine_and_theirs
    rewrite(theirs / "cost.json", change)
    assert [run["tag"] for run in gather_with_curves([exp])] == ["mine"]
    assert "cost.json: " in caplog.text


def test_keys_of_a_later_version_are_no_fault(mine_and_theirs):
    exp, theirs = mine_and_theirs
    rewrite(theirs / "results.json", with_(surprise=1))
    rewrite(theirs / "results.json", in_set(with_(surprise=1)))
    assert len(gather_with_curves([exp])) == 2


def rewrite(path, change):
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))
