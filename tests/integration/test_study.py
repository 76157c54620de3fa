"""study.sh for real, with the tiny encoder: frozen and LoRA at rank 4 are there, rank 1 is not.

What is there are experiments that other tests share, under the names that they have in a study.
"""

import json
import shutil

import pytest

from .stages import SHORT

NAME = "_train.epochs=2_train.num_workers=0"
NEW = f"{NAME}_adaptation_conf.rank=1"
WORDS = [
    "../TEMPLATE/study.sh",
    "--methods",
    "frozen lora",
    "--ranks",
    "1 4",
    "--name",
    "ranks",
    *SHORT,
]
WORDS += ["--run_opts=--nj=1", "--run_opts=--calibrate=false"]


def times_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def studied(mini, trained):
    """The folder exp/, what was said of the plan before, and of the study."""
    exp = mini.path / "exp"
    for method in ("frozen", "lora"):
        folder = shutil.copytree(trained[method][0], exp / f"ranks_{method}{NAME}")
        results = json.loads((folder / "results.json").read_text())
        (folder / "results.json").write_text(json.dumps(results | {"tag": folder.name}))
    before = {name: times_of(exp / f"ranks_{name}{NAME}") for name in ("frozen", "lora")}
    listed = mini.call(*WORDS, "--pretrained", mini.pretrained, "--dry_run", "true")
    done = mini.call(*WORDS, "--pretrained", mini.pretrained)
    assert done.returncode == 0, done.stderr
    for name, times in before.items():
        assert times_of(exp / f"ranks_{name}{NAME}") == times
    return exp, listed.stdout, done.stderr


def test_only_what_is_not_finished_is_run(studied):
    exp, listed, said = studied
    assert [line.split() for line in listed.splitlines()[:3]] == [
        ["done", "-", f"ranks_frozen{NAME}"],
        ["todo", "-", f"ranks_lora{NEW}"],
        ["done", "-", f"ranks_lora{NAME}"],
    ]
    assert listed.splitlines()[3] == "3 runs, 1 to do"
    assert said.count("stage 3: train") == 1
    assert "stage 2" not in said  # a run of this method is done, so it has been dumped for
    assert (exp / "ranks/times").read_text().split()[0] == f"ranks_lora{NEW}"


def test_the_runs_are_side_by_side(studied):
    exp = studied[0]
    study = json.loads((exp / "ranks/study.json").read_text())
    systems = {system["label"]: system for system in study["systems"]}
    assert list(systems) == ["frozen", "lora, rank 1", "lora, rank 4"]
    assert systems["lora, rank 1"]["tags"] == [f"ranks_lora{NEW}"]
    assert [system["reads"] for system in systems.values()] == ["frontend"] * 3
    assert all(system["comparable_cost"] for system in systems.values())
    assert all(system["seconds_per_step"] > 0 for system in systems.values())
    assert study["common_settings"] == {"train.epochs": "2", "train.num_workers": "0"}
    results = json.loads((exp / f"ranks_lora{NEW}/results.json").read_text())
    found = systems["lora, rank 1"]["test_sets"]["eval"]
    assert found["all"]["mean"] == results["test_sets"]["eval"]["eer_percent"]
    assert found["unseen"]["best"] == results["test_sets"]["eval"]["unseen"]["eer_percent"]
    made = {path.name for path in (exp / "ranks").iterdir() if path.name[0] != "."}
    assert made == {"study.json", "study.md", "rank_eval.png", "cost_eval.png", "times"}


def test_another_encoder_makes_nothing_of_it_finished(mini, studied):
    other = mini.path / "other.pt"
    other.write_bytes(mini.pretrained.read_bytes() + b"\0")
    listed = mini.call(*WORDS, "--pretrained", other, "--dry_run", "true")
    assert listed.stdout.splitlines()[-1].startswith("3 runs, 3 to do")
