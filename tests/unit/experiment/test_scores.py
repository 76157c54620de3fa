"""Scores are of the weights that are there, or stage 5 refuses them."""

import os
import subprocess

import pytest

from fad.experiment.directory import ExperimentDir
from fad.experiment.scores import (
    ScoringMode,
    check_weights,
    is_scored,
    record_weights,
    recorded_weights,
)
from fad.utils.errors import FadError
from fad.utils.files import sha256_file


@pytest.fixture
def exp(tmp_path):
    (tmp_path / "scores" / "other").mkdir(parents=True)
    (tmp_path / "best.safetensors").write_bytes(b"weights")
    (tmp_path / "scores" / "other" / "eval").write_text("u1 1.0\n")
    record_weights(ExperimentDir(tmp_path), tmp_path / "scores" / "other" / "eval")
    return tmp_path


def test_scores_of_the_weights_that_are_there_pass(exp):
    check_weights(ExperimentDir(exp), exp / "scores/other/eval")


def test_scores_of_other_weights_are_refused(exp):
    (exp / "best.safetensors").write_bytes(b"trained on")
    with pytest.raises(FadError, match=r"eval: of other weights than .*: run stage 4 again"):
        check_weights(ExperimentDir(exp), exp / "scores/other/eval")


def test_scores_of_nobody_knows_which_weights_are_refused(exp):
    (exp / "scores/other/eval.weights.sha256").unlink()
    with pytest.raises(FadError, match=r"without eval.weights.sha256 beside it: run stage 4"):
        check_weights(ExperimentDir(exp), exp / "scores/other/eval")


def test_without_weights_nothing_can_be_said(exp):
    (exp / "best.safetensors").unlink()
    with pytest.raises(FadError, match=r"best.safetensors: missing: run stage 3 first"):
        check_weights(ExperimentDir(exp), exp / "scores/other/eval")


def test_the_weights_of_scores_can_be_asked_for(exp):
    scores = exp / "scores/other/eval"
    assert recorded_weights(scores) == sha256_file(exp / "best.safetensors")
    (exp / "scores/other/eval.weights.sha256").unlink()
    assert recorded_weights(scores) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"# a note\n{'0' * 64}  best.safetensors\n",
        "ab  best.safetensors\n",
        f"{'0' * 64}  /etc/passwd\n",
    ],
)
def test_a_record_that_is_none_is_refused(exp, text):
    (exp / "scores/other/eval.weights.sha256").write_text(text)
    with pytest.raises(FadError, match=r"eval.weights.sha256: no sha256 of weights: score the"):
        check_weights(ExperimentDir(exp), exp / "scores/other/eval")


@pytest.mark.parametrize("mode", [ScoringMode("int8"), ScoringMode(compute=2)], ids=str)
def test_a_record_says_in_which_precision_and_is_one_still(exp, mode):
    scores = exp / "scores/other/eval"
    record_weights(ExperimentDir(exp), scores, mode)
    text = (exp / "scores/other/eval.weights.sha256").read_text()
    assert text.startswith(f"# precision {mode}\n")
    check_weights(ExperimentDir(exp), scores)
    check = ["sha256sum", "--check", "--status", "scores/other/eval.weights.sha256"]
    assert subprocess.run(check, cwd=exp, check=False).returncode == 0


def test_scores_are_done_again_for_other_weights_another_mode_or_a_later_dump(exp, tmp_path):
    model, scores, audio = ExperimentDir(exp), exp / "scores/other/eval", tmp_path / "audio"
    audio.mkdir()
    (audio / "wav.scp").write_text("u1 u1.wav\n")
    os.utime(audio / "wav.scp", (1, 1))
    int8, pooled = ScoringMode("int8"), ScoringMode(compute=2)
    assert is_scored(model, scores, audio)
    assert not is_scored(model, scores, audio, int8)
    record_weights(model, scores, pooled)
    assert is_scored(model, scores, audio, pooled)
    assert not is_scored(model, scores, audio)
    os.utime(scores, (1, 1))
    assert not is_scored(model, scores, audio, pooled)
    os.utime(scores, (2, 2))
    assert is_scored(model, scores, audio, pooled)
    model.weights.write_bytes(b"others")
    assert not is_scored(model, scores, audio, pooled)
    scores.unlink()
    assert not is_scored(model, scores, audio, pooled)
