"""study.sh for real: frozen and two ranks of LoRA with the tiny encoder, then all of it again."""

import json

import pytest

WORDS = ["./study.sh", "--methods", "frozen lora", "--ranks", "1 4", "--name", "ranks"]
WORDS += ["--set", "train.epochs=1", "--set", "train.num_workers=0"]
WORDS += ["--run_opts=--nj=1", "--run_opts=--calibrate=false"]
NAME = "_train.epochs=1_train.num_workers=0"


@pytest.fixture(scope="module")
def studied(mini):
    """What the first call said."""
    done = mini.call(*WORDS, "--pretrained", mini.pretrained)
    assert done.returncode == 0, done.stderr
    return done


def test_the_runs_are_side_by_side(mini, studied):
    study = json.loads((mini.path / "exp/ranks/study.json").read_text())
    systems = {system["label"]: system for system in study["systems"]}
    assert list(systems) == ["frozen", "lora, rank 1", "lora, rank 4"]
    assert systems["lora, rank 4"]["tags"] == [f"ranks_lora{NAME}"]
    assert [system["reads"] for system in systems.values()] == ["frontend"] * 3
    assert all(system["comparable_cost"] for system in systems.values())
    assert all(system["seconds_per_step"] > 0 for system in systems.values())
    assert study["common_settings"] == {"train.epochs": "1", "train.num_workers": "0"}
    results = json.loads((mini.path / f"exp/ranks_frozen{NAME}/results.json").read_text())
    found = systems["frozen"]["test_sets"]["eval"]
    assert found["all"]["mean"] == results["test_sets"]["eval"]["eer_percent"]
    assert found["unseen"]["best"] == results["test_sets"]["eval"]["unseen"]["eer_percent"]
    made = {path.name for path in (mini.path / "exp/ranks").iterdir()}
    assert made == {"study.json", "study.md", "rank_eval.png", "cost_eval.png", "times"}


def test_nothing_is_run_again(mini, studied):
    exp = mini.path / "exp"
    listed = mini.call(*WORDS, "--dry_run", "true")
    assert listed.stdout.splitlines()[-1] == "3 runs, 0 to do"
    before = {path: path.stat().st_mtime_ns for path in exp.glob("ranks_*/*") if path.is_file()}
    page = (exp / "ranks/study.md").read_bytes()
    done = mini.call(*WORDS, "--pretrained", mini.pretrained)
    assert done.returncode == 0, done.stderr
    after = {path: path.stat().st_mtime_ns for path in exp.glob("ranks_*/*") if path.is_file()}
    assert after == before
    assert (exp / "ranks/study.md").read_bytes() == page
