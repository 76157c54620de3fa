import json
import logging
from pathlib import Path

import pytest

from fad.bin.results import main, parse_paths
from fad.config.resolve import dump_config, merge_config
from fad.evaluation.results import breakdown
from fad.experiment.directory import ExperimentDir
from fad.experiment.scores import record_scoring
from fad.utils.errors import FadError
from tests.helpers.corpus import add_digests


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    """The groups of these tests have few trials."""
    monkeypatch.setattr(breakdown, "FEWEST", 1)


SUMMARY = {
    "config_name": "frozen",
    "seed": 0,
    "adaptation": "frozen",
    "parameters": {"total": 10, "trainable": 0, "adaptation": 0, "backend": 0, "ratio": None},
    "pretrained": {"path": None, "sha256": None},
    "best": {"epoch": 1, "dev_eer": 0.5, "dev_loss": 1.0},
    "training_data": {
        "train_set": "train",
        "dev_set": "dev",
        "bonafide": 1,
        "spoof": 1,
        "speakers": 2,
        "attacks": ["A01"],
    },
}
COST = {
    "seconds_per_epoch": 1.0,
    "peak_memory_mb": None,
    "epochs": 1,
    "device": "cpu",
    "processes": 1,
}


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {
        "exp/frozen/scores/eval": "u1 -1\nu2 1\n",
        "exp/frozen/train_summary.json": json.dumps(SUMMARY),
        "exp/frozen/cost.json": json.dumps(COST),
        "exp/frozen/config.yaml": dump_config(merge_config("frozen")),
        "dump/audio/eval/utt2label": "u1 spoof\nu2 bonafide\n",
        "dump/audio/eval/utt2attack": "u1 A02\nu2 -\n",
        "dump/audio/eval/utt2spk": "u1 u1\nu2 u2\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "exp/frozen/best.safetensors").write_bytes(b"weights")
    audio = add_digests(tmp_path / "dump/audio/eval")
    exp = ExperimentDir(tmp_path / "exp/frozen")
    record_scoring(exp, exp.scores("eval"), audio)
    return tmp_path


def run_stage(*options):
    main(["--exp", "exp/frozen", "--test", "eval=dump/audio/eval", *options])


def test_it_writes_its_files_and_says_the_eer(recipe, caplog):
    caplog.set_level(logging.INFO)
    run_stage()
    written = {path.name for path in Path("exp/frozen").iterdir() if path.is_file()}
    assert written == {
        *("train_summary.json", "cost.json", "best.safetensors", "config.yaml"),
        *("results.json", "curves.json", "RESULTS.md", "report.html"),
        "det_eval.png",
    }
    assert "eval: EER 0.00 %" in caplog.text
    results = json.loads(Path("exp/frozen/results.json").read_text())
    groups = results["test_sets"]["eval"]["by"]["attack"]["groups"]
    assert groups["A02"]["seen_in_training"] is False


def test_a_wrong_score_file_leaves_no_results(recipe):
    Path("exp/frozen/scores/eval").write_text("u1 -1\n")
    with pytest.raises(FadError, match="u2"):
        run_stage()
    assert not Path("exp/frozen/results.json").exists()


def test_words_of_sets_and_paths():
    assert parse_paths("--test", ["a/eval=x=y", "b=z"]) == {"a/eval": Path("x=y"), "b": Path("z")}
    for word in ("eval", "=dir", "eval="):
        with pytest.raises(FadError, match="expected NAME=VALUE, such as eval="):
            parse_paths("--test", [word])
    with pytest.raises(FadError, match="'a' twice"):
        parse_paths("--test", ["a=x", "a=y"])
