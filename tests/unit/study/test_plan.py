import json
import shutil
from pathlib import Path

import pytest
import yaml

from fad.config import plugins, shipped
from fad.config.resolve import load_config
from fad.data.fingerprint import fingerprint
from fad.study import plan as study_plan
from fad.study.plan import Axes, Finished, estimate, plan, preset, read_times
from fad.utils.errors import FadError
from fad.utils.files import sha256_file
from tests.helpers.corpus import add_digests


def tags(axes, lr=None, overrides=()):
    return [run.tag for run in plan("study", axes, lr or {}, overrides)]


def test_ranks_and_targets_are_for_the_methods_that_have_them():
    axes = Axes(methods=("frozen", "lora"), ranks=(1, 8), targets=("q_proj", "fc1,fc2"))
    target = "adaptation_conf.target_modules"
    assert tags(axes) == [
        "study_frozen",
        f"study_lora_adaptation_conf.rank=1_{target}=-q_proj-",
        f"study_lora_adaptation_conf.rank=1_{target}=-fc1-fc2-",
        f"study_lora_adaptation_conf.rank=8_{target}=-q_proj-",
        f"study_lora_adaptation_conf.rank=8_{target}=-fc1-fc2-",
    ]


def test_crops_and_seeds_are_for_all_and_every_method_comes_before_the_next_seed():
    axes = Axes(methods=("frozen", "full"), crop_samples=(16400, 32400), seeds=(2, 3))
    found = tags(axes)
    assert len(found) == 8
    assert found[0] == "study_frozen_train.crop_samples=16400_train.seed=2"
    assert all(tag.endswith("train.seed=2") for tag in found[:4])
    assert all(tag.endswith("train.seed=3") for tag in found[4:])


def test_what_changes_nothing_is_no_part_of_a_run_so_that_it_has_one_name():
    axes = Axes(methods=("lora",), ranks=(4,), targets=("q_proj,v_proj",), seeds=(1,))
    axes = Axes(**vars(axes) | {"crop_samples": (64600,)})
    (run,) = plan("study", axes, {"lora": "5e-4"}, ["train.epochs=30"])
    assert (run.tag, run.overrides) == ("study_lora", ())
    assert run.config == load_config("lora")
    # Of what was set for all, a later value counts, also where it is the config's own.
    (run,) = plan("study", Axes(methods=("lora",)), {}, ["train.lr=1", "train.lr=5e-4"])
    assert run.config["train"]["lr"] == 5e-4


def test_a_run_is_named_and_resolved_as_run_sh_does_it():
    (run,) = plan(
        "study", Axes(methods=("lora",), seeds=(3,)), {"lora": "1e-2"}, ["train.epochs=2"]
    )
    assert run.tag == "study_lora_train.epochs=2_train.lr=1e-2_train.seed=3"
    assert run.overrides == ("train.epochs=2", "train.lr=1e-2", "train.seed=3")
    assert run.config == load_config("lora", list(run.overrides))
    (other,) = plan("other", Axes(methods=("lora",)), {}, [])
    assert other.tag == "other_lora"


def test_learning_rates_are_of_their_method_alone():
    runs = plan("study", Axes(methods=("frozen", "full")), {"full": "1e-3"}, [])
    assert [run.config["train"]["lr"] for run in runs] == [1e-3, 1e-3]
    assert [run.overrides for run in runs] == [(), ("train.lr=1e-3",)]


def test_a_yaml_file_is_a_method(tmp_path):
    path = tmp_path / "own.yml"
    shutil.copy(shipped.find("lora"), path)
    (run,) = plan("study", Axes(methods=(str(path),), ranks=(2,)), {}, [])
    assert run.tag == "study_own_adaptation_conf.rank=2"
    assert run.method == str(path)


def test_the_presets():
    methods = preset("methods").methods
    assert {"frozen", "full", "lora"} <= set(methods)
    assert not {"base", "lora_r16", "full_aasist"} & set(methods)
    ranks = tags(preset("paper_rank"))
    assert ranks == ["study_full"] + [
        "study_lora" + (f"_adaptation_conf.rank={rank}" if rank != 4 else "")
        for rank in (1, 4, 8, 16)
    ]
    assert len(tags(preset("paper_length"))) == 6


@pytest.mark.parametrize(
    ("name", "axes", "lr", "overrides", "said"),
    [
        ("a_b", Axes(("lora",)), {}, [], "--name 'a_b'"),
        ("../a", Axes(("lora",)), {}, [], "--name"),
        ("s", Axes(("lroa",)), {}, [], "no such config in conf/; did you mean 'lora'"),
        ("s", Axes(("$(id)",)), {}, [], "no such config"),
        ("s", Axes(("lora",)), {"full": "1"}, [], "--lr full: no method of this study"),
        ("s", Axes(("lora",)), {"lora": "x"}, [], "train.lr"),
        ("s", Axes(("lora",)), {"lora": "-1"}, [], "lora: train.lr is -1"),
        ("s", Axes(("lora",), ranks=(0,)), {}, [], "lora: adaptation_conf: rank is 0"),
        ("s", Axes(("lora",), targets=("q_prj",)), {}, [], "no target module 'q_prj'"),
        ("s", Axes(("lora",), targets=("a]: {b",)), {}, [], "plain YAML"),
        ("s", Axes(("lora",), crop_samples=(3,)), {}, [], "train.crop_samples is 3"),
        ("s", Axes(("lora",), seeds=(2**31,)), {}, [], "train.seed"),
        ("s", Axes(("lora",)), {}, ["train.lr"], "expected key=value"),
        ("s", Axes(("lora",)), {}, ["train.lr=\t1"], "control character"),
        ("s", Axes(("lora",)), {}, ["train.lr=1\n"], "control character"),
        ("s", Axes(("lora",)), {}, [f"backend_conf.x={'y' * 300}"], "no key 'x'"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_runs(name, axes, lr, overrides, said):
    with pytest.raises(FadError) as refused:
        plan(name, axes, lr, overrides)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_too_long_for_a_folder_is_refused(tmp_path):
    targets = ",".join(["q_proj"] * 40)
    with pytest.raises(FadError, match="longer than 255"):
        plan("s", Axes(("lora",), targets=(targets,)), {}, [])


def test_an_unknown_preset_is_refused():
    with pytest.raises(FadError, match="did you mean 'paper_rank'"):
        preset("paper_ranks")


@pytest.fixture
def finished(tmp_path):
    """A run that is finished as far as its files say, and where it stands."""
    audio = tmp_path / "dump/audio/train"
    audio.mkdir(parents=True)
    (audio / "a.flac").write_text("1234")
    (audio / "wav.scp").write_text(f"a {audio / 'a.flac'}\n")
    (audio / "utt2label").write_text("a spoof\n")
    (audio / "utt2num_samples").write_text("a 100\n")
    add_digests(audio)
    (run,) = plan("study", Axes(("lora",), seeds=(2,)), {}, [])
    folder = tmp_path / "exp" / run.tag
    folder.mkdir(parents=True)
    made = run.config | {"pretrained": {"path": "x.pt", "sha256": "ab"}}
    made["data"] = {"train": fingerprint(audio), "dev": "no dump of it lies here"}
    (folder / "config.yaml").write_text(yaml.safe_dump(made))
    (folder / "results.json").write_text(json.dumps({"test_sets": {"eval": {}}}))
    study_plan._fingerprint.cache_clear()
    return run, Finished(tmp_path / "exp", tmp_path / "dump"), folder


def test_a_run_is_finished_where_results_of_its_config_are(finished):
    run, those, folder = finished
    assert those.has(run)
    (folder / "results.json").unlink()
    assert not those.has(run)


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made["train"].update(lr=1.0),
        lambda made: made["adaptation_conf"].update(rank=5),
        lambda made: made["data"].update(train="other"),
        lambda made: made.pop("data"),
        lambda made: made.pop("pretrained"),
    ],
)
def test_a_run_of_another_config_or_of_other_data_is_left_to_run_sh_to_refuse(finished, change):
    run, those, folder = finished
    made = yaml.safe_load((folder / "config.yaml").read_text())
    change(made)
    (folder / "config.yaml").write_text(yaml.safe_dump(made))
    assert not those.has(run)


def test_a_run_is_finished_only_with_the_plugins_that_it_was_made_with(finished, monkeypatch):
    run, those, folder = finished
    names = frozenset({("backend", run.config["backend"])})
    own = plugins.Plugin(Path("own.py"), "ab" * 32, names)
    monkeypatch.setattr(plugins, "_loaded", {"own.py": own})
    assert not those.has(run)  # it was made without
    made = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(made | {"plugins": {"own.py": "ab" * 32}}))
    assert those.has(run)
    (folder / "config.yaml").write_text(yaml.safe_dump(made | {"plugins": {"own.py": "cd" * 32}}))
    assert not those.has(run)  # by another text of the plugin
    monkeypatch.setattr(plugins, "_loaded", {})
    assert not those.has(run)


def test_a_run_that_started_from_another_file_is_left_to_run_sh_to_refuse(finished, tmp_path):
    *_, those, folder = finished
    factors = tmp_path / "pela.safetensors"
    factors.write_text("1")
    (run,) = plan("study", Axes(("pela",)), {}, [f"adaptation_conf.factors={factors}"])
    made = yaml.safe_load((folder / "config.yaml").read_text())
    made = run.config | {key: made[key] for key in ("pretrained", "data")}
    made["files"] = {"adaptation_conf.factors": sha256_file(factors)}
    shutil.copytree(folder, those.exp / run.tag)
    (those.exp / run.tag / "config.yaml").write_text(yaml.safe_dump(made))
    assert those.has(run)
    study_plan._sha256.cache_clear()
    factors.write_text("2")
    assert not those.has(run)
    factors.unlink()
    assert those.has(run)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"test_sets": 3}', "\xff"])
def test_results_that_are_none_are_not_finished(finished, text):
    run, those, folder = finished
    (folder / "results.json").write_text(text, encoding="latin-1")
    assert not those.has(run)


def test_another_encoder_or_a_set_that_was_not_scored_is_not_finished(finished):
    run, those, _ = finished
    exp, dump = those.exp, those.dump
    assert Finished(exp, dump, ["eval"], "ab").has(run)
    assert not Finished(exp, dump, [], "cd").has(run)
    assert not Finished(exp, dump, ["eval", "other/eval"]).has(run)


def test_an_estimate_is_that_of_the_same_method_best_with_the_same_crop(tmp_path):
    runs = plan("s", Axes(("lora", "full"), crop_samples=(16400, 64600), seeds=(1, 2)), {}, [])
    short, long = (run for run in runs[:2])
    (tmp_path / "times").write_text(f"{short.tag} 10\nnonsense\n{long.tag} 7\n{long.tag} 90\nx \n")
    times = read_times(tmp_path / "times")
    assert times == {short.tag: 10.0, long.tag: 90.0}
    by_tag = {run.tag: estimate(run, runs, times) for run in runs}
    assert by_tag["s_lora_train.crop_samples=16400_train.seed=2"] == 10
    assert by_tag["s_lora_train.seed=2"] == 90
    assert by_tag["s_full"] is None
    assert estimate(runs[0], runs, {long.tag: 90.0}) == 90
    assert read_times(tmp_path / "none") == {}
