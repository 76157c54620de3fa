"""study.sh for real: frozen and two ranks of LoRA with the tiny encoder, then all of it again."""

import json

import pytest

from .stages import SHORT

WORDS = ["./study.sh", "--methods", "frozen lora", "--ranks", "1 4", "--name", "ranks"]
WORDS += [*SHORT, "--run_opts=--nj=2", "--run_opts=--calibrate=false"]
NAME = "_train.epochs=2_train.num_workers=0"


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
    assert study["common_settings"] == {"train.epochs": "2", "train.num_workers": "0"}
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


def test_a_run_of_another_encoder_is_refused_by_run_sh_and_named(mini, studied):
    other = mini.path / "pretrained_other.pt"
    other.write_bytes(mini.pretrained.read_bytes() + b"\0")
    done = mini.call("./study.sh", "--name", "ranks", "--methods", "frozen", *SHORT,
                     "--pretrained", other)  # fmt: skip
    assert done.returncode == 1
    assert "was made with another config or other data" in done.stderr
    assert f"failed: ranks_frozen{NAME}" in done.stderr.splitlines()[-1]
