import json
import shutil
from statistics import mean, stdev

import pytest

from fad.study import markdown as study_md_module
from fad.study.gather import CROP, RANK, gather_study, label, series
from fad.study.markdown import study_md, write_study
from fad.utils.errors import FadError
from tests.helpers.study import write_run

RANKED = "adaptation_conf.rank=8"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Frozen once, lora at two ranks and full, three seeds of one of them."""
    exp = tmp_path_factory.mktemp("recipe") / "egs/mini/exp"
    write_run(exp, "frozen", trainable=6, distance=1.0)
    for seed in (1, 2, 3):
        own = [f"train.seed={seed}"] if seed > 1 else []
        write_run(exp, "lora", *own, trainable=40, distance=1.5)
    write_run(exp, "lora", RANKED, trainable=80, distance=2.0)
    slow = {"seconds_per_step": 3.0, "machine": "another CPU, 8 threads"}
    write_run(exp, "full", trainable=900, reads="none", cost=slow)
    write_run(exp, "full", tag="other_full", trainable=900)
    (exp / "study_killed").mkdir()
    (exp / "study_killed/config.yaml").write_text("")
    return exp


@pytest.fixture(scope="module")
def study(made):
    return gather_study(made, "study")


def by_label(study):
    return {system["label"]: system for system in study["systems"]}


def test_runs_that_differ_in_the_seed_alone_are_one_system_named_by_what_varies(study):
    found = by_label(study)
    assert list(found) == ["frozen", "lora, rank 4", "lora, rank 8", "full"]
    assert found["lora, rank 4"]["seeds"] == [1, 2, 3]
    assert found["lora, rank 8"]["seeds"] == [1]
    assert found["lora, rank 4"]["varied"] == {RANK: "4"}
    assert found["frozen"]["varied"] == {}
    assert study["unfinished"] == ["study_killed"]
    assert study["warnings"] == []


def test_over_seeds_the_interval_is_of_their_mean_and_of_one_run_its_own(made, study):
    found = by_label(study)
    several = found["lora, rank 4"]["test_sets"]["eval"]["all"]
    values = several["values"]
    assert len(set(values)) > 1
    assert several["mean"] == pytest.approx(mean(values))
    assert several["best"] == min(values)
    half = 4.302653 * stdev(values) / 3**0.5  # t of 2 degrees of freedom
    assert several["interval"]["low"] == pytest.approx(max(0, mean(values) - half), rel=1e-5)
    assert several["interval"]["high"] == pytest.approx(mean(values) + half, rel=1e-5)
    assert several["interval"]["over"] == "3 seeds"
    alone = found["full"]["test_sets"]["eval"]["all"]
    results = json.loads((made / "study_full/results.json").read_text())["test_sets"]["eval"]
    assert alone["interval"]["low"] == results["eer_interval"]["low_percent"]
    assert alone["interval"]["over"] == "80 trials"
    unseen = found["full"]["test_sets"]["eval"]["unseen"]
    assert unseen["mean"] == results["unseen"]["eer_percent"]


def test_a_cost_that_was_measured_elsewhere_is_marked(study):
    found = by_label(study)
    marked = [name for name, system in found.items() if not system["comparable_cost"]]
    assert marked == ["full"]
    assert study["measured_on"] == "cpu, a CPU, 2 threads, 1 process, steps of 16 clips"
    (row,) = (line for line in study_md(study, {"eval": []}).splitlines() if " 900 " in line)
    cells = [cell.strip() for cell in row.split("|")]
    assert cells[1:4] == ["full", "1", "900"]
    assert cells[5:8] == ["audio", "3.000*", "1,234*"]


def test_a_cost_that_was_measured_elsewhere_is_in_no_plot(made, study, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        study_md_module, "cost_png", lambda _path, costed, _title: drawn.extend(costed)
    )
    write_study(study, tmp_path)
    assert {one.family: one.seconds_per_step is None for one in drawn}["full"]
    assert any(one.seconds_per_step for one in drawn)


@pytest.mark.parametrize(
    "cost", [{"processes": 2}, {"device": "a GPU"}, {"machine": "another"}, {"machine": None}]
)
def test_any_other_place_or_number_of_processes_is_marked(tmp_path, cost):
    for seed in (1, 2):
        write_run(tmp_path / "r/exp", "frozen", f"train.lr={seed}")
    write_run(tmp_path / "r/exp", "lora", cost=cost)
    systems = by_label(gather_study(tmp_path / "r/exp", "study"))
    assert [s["method"] for s in systems.values() if not s["comparable_cost"]] == ["lora"]


def test_steps_of_another_number_of_clips_are_marked(tmp_path):
    for rate in (1, 2):
        write_run(tmp_path / "r/exp", "frozen", f"train.lr={rate}")
    write_run(tmp_path / "r/exp", "lora", "train.accumulate=2")
    systems = gather_study(tmp_path / "r/exp", "study")["systems"]
    (marked,) = (system for system in systems if not system["comparable_cost"])
    assert "steps of 32 clips" in marked["measured_on"]


def test_a_cost_of_before_steps_were_counted_is_not_known(tmp_path):
    folder = write_run(tmp_path / "r/exp", "lora")
    cost = json.loads((folder / "cost.json").read_text())
    del cost["seconds_per_step"], cost["machine"]
    (folder / "cost.json").write_text(json.dumps(cost))
    study = gather_study(tmp_path / "r/exp", "study")
    (system,) = study["systems"]
    assert system["seconds_per_step"] is None
    assert "a machine that is not known" in system["measured_on"]
    write_study(study, tmp_path / "out")
    assert (tmp_path / "out/cost_eval.png").is_file()


def test_what_all_share_is_said_once(tmp_path):
    exp = tmp_path / "r/exp"
    write_run(exp, "lora", "train.epochs=3", "train.lr=1.0e-2")
    write_run(exp, "full", "train.epochs=3")
    study = gather_study(exp, "study")
    assert study["common_settings"] == {"train.epochs": "3"}
    assert by_label(study)["lora"]["settings"] == {"train.lr": "0.01"}
    page = study_md(study, {"eval": []})
    assert "train.epochs 3" in page
    assert "train.lr 0.01" in page


def test_other_data_and_other_encoders_are_warned_of(tmp_path):
    exp = tmp_path / "r/exp"
    write_run(exp, "lora", tag="study_a")
    write_run(exp, "lora", tag="study_b", data="bb")
    pretrained = {"path": "b.pt", "sha256": "cd" * 32}
    write_run(exp, "lora", tag="study_c", pretrained=pretrained)
    study = gather_study(exp, "study")
    assert list(by_label(study)) == ["lora", "lora (2)", "lora (3)"]
    assert "2 pre-trained encoders" in study["warnings"][0]
    assert "2 states of the data" in study["warnings"][1]
    assert study_md(study, {"eval": []}).count("**Warning: ") == 2


def test_labels_are_short():
    targets = "[q_proj, k_proj, v_proj, out_proj]"
    varied = {RANK: "4", "adaptation_conf.target_modules": targets, CROP: "16400"}
    assert label("lora", varied) == "lora, rank 4, q,k,v,out, 1.0 s"
    assert label("lora", {"train.lr": "0.01"}) == "lora, lr 0.01"
    assert label("full", {}) == "full"


def test_a_curve_joins_what_differs_along_its_axis_alone(tmp_path):
    exp = tmp_path / "r/exp"
    target = "adaptation_conf.target_modules=[q_proj]"
    for rank in (16, 1):
        write_run(exp, "lora", f"adaptation_conf.rank={rank}")
    for rank in (8, 2):
        write_run(exp, "lora", f"adaptation_conf.rank={rank}", target)
    write_run(exp, "lora", "train.crop_samples=16400")
    write_run(exp, "full")
    systems = gather_study(exp, "study")["systems"]
    ranks = series(systems, RANK, "rank")
    assert {name: [x for x, _ in points] for name, points in ranks.items()} == {
        "lora, q,v, 4.0 s": [1, 16],
        "lora, q, 4.0 s": [2, 8],
    }
    assert series(systems, CROP, "crop_samples") == {}  # rank 4 has one length, 1 and 16 another


def test_everything_is_written_and_the_same_again(made, study, tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_study(study, folder)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["cost_eval.png", "rank_eval.png", "study.json", "study.md"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert json.loads((tmp_path / "a/study.json").read_text()) == study
    page = (tmp_path / "a/study.md").read_text()
    assert "![rank_eval](rank_eval.png)" in page
    assert "study_killed" in page


def test_a_plot_of_an_earlier_state_does_not_stay(made, study, tmp_path):
    write_study(study, tmp_path)
    fewer = tmp_path / "r/exp"
    shutil.copytree(made / "study_full", fewer / "study_full")
    write_study(gather_study(fewer, "study"), tmp_path)
    assert not (tmp_path / "rank_eval.png").exists()


def test_every_test_set_has_its_table_and_plots(tmp_path):
    exp = tmp_path / "r/exp"
    write_run(exp, "lora", sets=("eval", "other/eval"))
    write_run(exp, "full")
    study = gather_study(exp, "study")
    assert study["test_sets"] == ["eval", "other/eval"]
    write_study(study, tmp_path / "out")
    page = (tmp_path / "out/study.md").read_text()
    other = page.partition("## other/eval")[2].partition("## Settings")[0]
    assert "| lora " in other
    assert "| full " not in other
    assert (tmp_path / "out/cost_other_eval.png").is_file()


def test_runs_are_counted_that_the_set_has_results_of(tmp_path):
    exp = tmp_path / "r/exp"
    write_run(exp, "lora", "train.seed=1", sets=("eval", "other"))
    write_run(exp, "lora", "train.seed=2")
    page = study_md(gather_study(exp, "study"), {"eval": [], "other": []})
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| lora ")]
    assert [(name.strip(), runs.strip()) for name, runs in rows[:2]] == [
        ("lora", "2"),
        ("lora", "1"),
    ]


def test_a_study_without_a_finished_run_says_what_to_do(tmp_path):
    (tmp_path / "study_lora").mkdir()
    with pytest.raises(FadError, match=r"study_\*: no run is finished: run ../TEMPLATE/study.sh"):
        gather_study(tmp_path, "study")


def test_runs_that_were_tested_on_other_trials_are_warned_of(tmp_path):
    exp = tmp_path / "r/exp"
    write_run(exp, "lora", tag="study_a")
    write_run(exp, "frozen", tag="study_b")
    path = exp / "study_b/results.json"
    found = json.loads(path.read_text())
    found["test_sets"]["eval"]["bonafide"] = 39
    path.write_text(json.dumps(found))
    (warning,) = gather_study(exp, "study")["warnings"]
    assert warning.startswith("eval: not the same trials in all runs")
