"""egs/mini through all stages: what they leave, what they need, and what they do not do twice."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from fad.data.tables import read_table, validate_data_dir
from fad.evaluation.calibration.files import read_model_calibration
from fad.experiment.directory import ExperimentDir

from .stages import METHODS, SHORT, open_recipe

SEEN = ["mini/griffinlim", "mini/lpc", "mini/world"]
UNSEEN = ["mini/melgriffinlim", "mini/worldnoise"]


def scores_of(path: Path) -> dict[str, float]:
    return {utt: float(score) for utt, score in read_table(path).items()}


def class_sizes(data: Path) -> tuple[int, int]:
    labels = list(read_table(data / "utt2label").values())
    return labels.count("bonafide"), labels.count("spoof")


def last_line(text: str) -> str:
    return text.splitlines()[-1]


@pytest.mark.parametrize("method", METHODS)
def test_scores_have_no_labels_and_are_those_of_the_set(mini, trained, method):
    exp, _ = trained[method]
    lines = (exp / "scores" / "eval").read_bytes().splitlines()
    utts = [line.split()[0] for line in lines]
    assert utts == sorted(utts)
    assert [utt.decode() for utt in utts] == list(read_table(mini.path / "data/eval/utt2label"))
    assert all(len(line.split()) == 2 for line in lines)
    assert len({float(line.split()[1]) for line in lines}) > len(lines) // 2


@pytest.mark.parametrize("method", METHODS)
def test_results_have_seen_and_unseen_attacks_apart(trained, method):
    exp, _ = trained[method]
    results = json.loads((exp / "results.json").read_text())
    found = results["test_sets"]["eval"]
    assert (found["bonafide"], found["spoof"]) == (15, 15)
    assert (found["seen"]["attacks"], found["seen"]["spoof"]) == (SEEN, 9)
    assert (found["unseen"]["attacks"], found["unseen"]["spoof"]) == (UNSEEN, 6)
    assert sorted(found["by"]["attack"]["groups"]) == sorted(SEEN + UNSEEN)
    assert 0 <= found["eer_percent"] <= 100
    assert {"min_dcf", "eer_interval", "scores_sha256"} <= set(found)
    assert "min_tdcf_2019" not in found
    assert results["adaptation"] == results["config_name"] == method
    assert results["tag"] == exp.name
    assert results["seed"] == 1
    assert results["best"]["epoch"] in (1, 2)
    cost = json.loads((exp / "cost.json").read_text())
    assert cost["epochs"] == 2
    assert cost["seconds_per_epoch"] > 0
    assert cost["peak_memory_mb"] > 0


@pytest.mark.parametrize("method", METHODS)
def test_the_report_and_the_plot_are_there(trained, method):
    exp, done = trained[method]
    text = (exp / "RESULTS.md").read_text()
    for words in ("seen in training", "unseen in training", "![DET curves on eval](det_eval.png)"):
        assert words in text
    assert all(f"| {attack.removeprefix('mini/')} " in text for attack in SEEN + UNSEEN)
    assert (exp / "det_eval.png").read_bytes().startswith(b"\x89PNG")
    assert f"done: exp/{exp.name}/RESULTS.md" in last_line(done.stderr)
    assert {path.name for path in exp.iterdir()} >= {"train.log", "checkpoint.pt", "tensorboard"}


def test_parameters_are_those_of_the_method(trained):
    counts = {
        method: json.loads((exp / "results.json").read_text())["parameters"]
        for method, (exp, _) in trained.items()
    }
    # Two blocks, query and value, of 48 x 4 down and 4 x 48 up.
    assert counts["lora"]["adaptation"] == 2 * 2 * (48 * 4 + 4 * 48)
    assert counts["frozen"]["adaptation"] == 0
    assert counts["frozen"]["trainable"] == counts["frozen"]["backend"] > 0
    assert counts["full"]["trainable"] > 50_000


def test_frames_are_read_where_the_frontend_is_fixed(trained):
    logs = {method: (exp / "train.log").read_text() for method, (exp, _) in trained.items()}
    stored = "reads stored frames (frontend) of train and stored frames (frontend) of dev"
    assert stored in logs["frozen"]
    assert stored in logs["lora"]
    assert "reads audio of train and audio of dev" in logs["full"]


def test_training_moved_what_the_method_owns_and_saved_nothing_else(trained):
    state = torch.load(trained["lora"][0] / "checkpoint.pt", weights_only=True)["trained"]
    owned = {name for name in state if name.startswith("encoder.")}
    assert len(owned) == 2 * 2 * 2
    assert all("lora_" in name and state[name].abs().max() > 0 for name in owned)


def test_training_and_scoring_went_without_fairseq(tree, trained, no_fairseq):
    """`trained` ran where fairseq is blocked; here the block is shown to work."""
    blocked = open_recipe(tree, "mini", PYTHONPATH=str(no_fairseq))
    assert "fairseq is blocked" in blocked.shell("python -c 'import fairseq'").stderr
    done = blocked.shell(
        f"python -m fad.bin.params --config lora --pretrained {blocked.pretrained} "
        "--set encoder=fairseq_xlsr"
    )
    assert done.returncode == 1
    assert "needs fairseq, which does not import (fairseq is blocked" in last_line(done.stderr)
    assert all((exp / "scores" / "eval").is_file() for exp, _ in trained.values())


def test_a_missing_dump_that_is_asked_for_is_named_with_its_remedy(mini, trained):
    frames = mini.path / "dump" / "frontend-tiny"
    hidden = frames.rename(frames.with_name("hidden"))
    try:
        wanted = ("--dump", "frontend", "--tag", "no_frames")
        done = mini.run("--stage", "3", "--config", "frozen", *wanted, *SHORT)
    finally:
        hidden.rename(frames)
    assert done.returncode != 0
    assert "dump/frontend-tiny/train: missing or not complete: run stage 2" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (mini.path / "exp/no_frames/scores").exists()


def test_another_config_in_the_same_tag_is_refused_with_the_difference(mini, trained):
    exp, _ = trained["lora"]
    before = {path: path.read_bytes() for path in exp.glob("[!.]*.*") if path.suffix != ".log"}
    done = mini.run(
        *("--stage", "3", "--tag", exp.name, "--config", "lora", *SHORT),
        *("--set", "adaptation_conf.rank=2"),
    )
    assert done.returncode != 0
    assert (
        f"exp/{exp.name} was made with another config or other data; give another --tag"
        in done.stderr
    )
    lines = [line.strip() for line in done.stderr.splitlines()]
    assert "- adaptation_conf.rank: 4" in lines
    assert "+ adaptation_conf.rank: 2" in lines
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in before} == before
    logs = [path.read_text() for path in sorted(exp.glob("train*.log"))]
    assert len(logs) == 2
    assert "epoch 2 of 2" in logs[1 if "another config" in logs[0] else 0]


def test_a_hostile_override_is_refused_and_runs_nothing(mini):
    for value in ("train.lr=$(touch canary)", "$(touch canary)=1; touch canary"):
        done = mini.run("--stage", "3", "--set", value, "--config", "frozen")
        assert done.returncode != 0
        assert f"--set {value}: " in done.stderr
        assert "Traceback" not in done.stderr
    assert list(mini.path.parents[1].rglob("canary")) == []
    assert not [
        path
        for path in (mini.path / "exp").iterdir()
        if (path / "config.yaml").is_file() and "touch" in path.name
    ]


def test_the_number_of_scoring_jobs_does_not_change_scores(mini, trained):
    exp, _ = trained["lora"]
    copy = mini.path / "exp" / "jobs"
    shutil.copytree(exp, copy)
    mini.ok("--stage", "4", "--stop_stage", "4", "--tag", "jobs", "--nj", "3")
    assert (copy / "scores/eval").read_bytes() == (exp / "scores/eval").read_bytes()
    names = sorted(path.name for path in (copy / "scores").iterdir())
    assert names == ["dev", "dev.weights.sha256", "eval", "eval.weights.sha256"]


def test_the_dev_set_calibrates_the_model(mini, trained):
    for method in METHODS:
        exp, done = trained[method]
        fitted = read_model_calibration(ExperimentDir(exp))
        assert (fitted.bonafide, fitted.spoof) == class_sizes(mini.path / "data/dev")
        assert f"calibrate exp/{exp.name} on dev" in done.stderr
        assert "spoofed trials of the fit itself" in done.stdout


def test_stage_4_again_scores_no_dev_set_and_fits_the_same(mini, trained):
    exp, _ = trained["frozen"]
    scores, path = exp / "scores/dev", exp / "calibration.json"
    before = path.read_bytes(), scores.stat().st_mtime_ns
    done = mini.ok("--stage", "4", "--stop_stage", "4", "--tag", exp.name)
    assert "stage 4: eval has these scores already" in done.stderr
    assert "stage 4: dev has these scores already" in done.stderr
    assert (path.read_bytes(), scores.stat().st_mtime_ns) == before


def test_a_calibration_of_other_weights_is_not_used(mini, trained):
    copy = shutil.copytree(trained["lora"][0], mini.path / "exp" / "retrained")
    shutil.copy(trained["frozen"][0] / "calibration.json", copy)
    wav = next(iter(read_table(mini.path / "dump/audio/eval/wav.scp").values()))
    command = f"python -m fad.bin.score --model exp/retrained --calibrated true '{wav}'"
    done = mini.shell(command)
    assert done.returncode == 1
    assert "calibration.json: of other weights than exp/retrained/best.safetensors" in done.stderr
    mini.ok("--stage", "4", "--stop_stage", "4", "--tag", "retrained")
    done = mini.shell(command)
    weight = json.loads((copy / "calibration.json").read_text())["systems"][0]["weight"]
    if weight == 0:  # after two epochs it may know nothing, and then it decides nothing
        assert "calibration.json: has no information" in done.stderr
        return
    path, ratio, decision = done.stdout.rstrip("\n").split("\t")
    assert path == wav
    assert decision == ("bonafide" if float(ratio) >= 0 else "spoof")


def test_single_files_get_the_scores_of_the_set(mini, trained):
    exp, _ = trained["lora"]
    scores = scores_of(exp / "scores" / "eval")
    paths = read_table(mini.path / "dump/audio/eval/wav.scp")
    chosen = list(scores)[::13]
    assert len(chosen) == 3
    done = mini.shell(
        f"python -m fad.bin.score --model exp/{exp.name} "
        + " ".join(f"'{paths[utt]}'" for utt in chosen)
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [path for path, _ in rows] == [paths[utt] for utt in chosen]
    found = [float(score) for _, score in rows]
    np.testing.assert_allclose(found, [scores[utt] for utt in chosen], atol=1e-4, rtol=0)


def test_stage_5_again_writes_the_same_bytes(mini, trained):
    exp, _ = trained["frozen"]
    names = ("results.json", "curves.json", "RESULTS.md", "report.html", "det_eval.png")
    before = [(exp / name).read_bytes() for name in names]
    mini.ok("--stage", "5", "--tag", exp.name)
    assert [(exp / name).read_bytes() for name in names] == before


def test_the_data_directories_are_valid(mini):
    for name in ("train", "dev", "eval"):
        data = validate_data_dir(mini.path / "data" / name)
        dump = validate_data_dir(mini.path / "dump/audio" / name)
        assert list(data["wav.scp"]) == list(dump["wav.scp"])
        assert "utt2num_samples" in dump
