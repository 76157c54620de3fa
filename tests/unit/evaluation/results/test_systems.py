from statistics import stdev

import pytest

from fad.evaluation.results.systems import group_seeds, name_sets, set_names, spread


def run(tag, seed, recipe="mini", sha256="ab", path="a.pt", **train):
    return {
        "tag": tag,
        "seed": seed,
        "config": {"encoder": "xlsr", "train": {"seed": seed, "lr": 0.1} | train},
        "pretrained": {"path": path, "sha256": sha256},
        "path": f"/data/egs/{recipe}/exp/{tag}/results.json",
        "test_sets": {"eval": {"eer_percent": float(seed)}},
    }


def names(experiments):
    return [
        (system.name, [run["seed"] for run in system.runs]) for system in group_seeds(experiments)
    ]


@pytest.mark.parametrize(
    "pattern",
    ["lora_seed{}", "lora_train.seed={}", "lora_{}", "lora-seed-{}", "lora.{}"],
)
def test_runs_that_differ_in_the_seed_alone_are_one_system_named_without_it(pattern):
    runs = [run(pattern.format(seed), seed) for seed in (10, 1, 2)]
    assert names(runs) == [("lora", [1, 2, 10])]


def test_the_seed_is_taken_out_of_the_middle_of_a_tag():
    runs = [run(f"w2v2_train.seed={seed}_train.lr=2", seed, lr=2) for seed in (2, 3)]
    assert names(runs) == [("w2v2_train.lr=2", [2, 3])]


def test_a_single_run_keeps_its_tag_and_tags_without_a_common_part_take_the_first():
    assert names([run("lora_seed1", 1)]) == [("lora_seed1", [1])]
    assert names([run("monday", 1), run("tuesday", 2)]) == [("monday", [1, 2])]


def test_other_settings_another_encoder_and_no_config_are_other_systems():
    first = run("a", 1)
    assert len(group_seeds([first, run("b", 2, lr=0.2)])) == 2
    assert len(group_seeds([first, run("b", 2, sha256="cd")])) == 2
    assert len(group_seeds([first, run("b", 2, path="elsewhere/a.pt")])) == 1
    old = [{**run(tag, 1), "config": None} for tag in "ab"]
    assert len(group_seeds(old)) == 2
    assert names([run("lora", 1), {**run("lora", 1), "config": None}])[1][0] == "lora (2)"


def test_a_seed_that_comes_again_is_not_another_run(caplog):
    assert names([run("a", 1), run("b", 1), run("c", 2)]) == [("a", [1, 2])]
    assert "b: left out: it repeats a, of the same config and seed" in caplog.text


def test_several_recipes_are_named_and_so_are_their_sets():
    runs = [run("lora", 1), run("lora", 1, recipe="custom", lr=0.5)]
    runs[1]["test_sets"]["mini/eval"] = {"eer_percent": 9.0}
    runs[1]["curves"] = {"eval": "own", "mini/eval": "other"}
    named = name_sets(runs)
    assert [system.name for system in group_seeds(named)] == ["mini/lora", "custom/lora"]
    assert set_names(group_seeds(named)) == ["mini/eval", "custom/eval"]
    assert named[1]["test_sets"]["mini/eval"]["eer_percent"] == 9.0
    assert named[1]["curves"] == {"custom/eval": "own", "mini/eval": "other"}
    assert set(runs[1]["test_sets"]) == {"eval", "mini/eval"}  # what was given is as it was
    assert name_sets(runs[:1]) == runs[:1]


def test_mean_deviation_and_best():
    found = spread([3.0, 1.0, 5.0])
    assert (found.mean, found.best, found.count) == (3.0, 1.0, 3)
    assert found.deviation == pytest.approx(stdev([3.0, 1.0, 5.0])) == pytest.approx(2.0)
    assert spread([4.0]).deviation is None
    assert spread([]) is None
