"""Scores are of the weights and of the audio that are there, or stage 5 refuses them."""

import subprocess

import pytest

from fad.data import tables
from fad.data.digests import DIGESTS
from fad.experiment.directory import ExperimentDir
from fad.experiment.scores import (
    ScoringMode,
    check_scores,
    check_weights,
    record_scoring,
    recorded_weights,
    why_not_scored,
)
from fad.utils.errors import FadError
from fad.utils.files import sha256_file
from tests.helpers.corpus import add_digests


@pytest.fixture
def audio(tmp_path):
    (tmp_path / "audio").mkdir()
    tables.write_table(tmp_path / "audio/utt2label", {"u1": "spoof"})
    return add_digests(tmp_path / "audio")


@pytest.fixture
def exp(tmp_path, audio):
    (tmp_path / "scores" / "other").mkdir(parents=True)
    (tmp_path / "best.safetensors").write_bytes(b"weights")
    (tmp_path / "scores" / "other" / "eval").write_text("u1 1.0\n")
    record_scoring(ExperimentDir(tmp_path), tmp_path / "scores" / "other" / "eval", audio)
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
def test_a_record_says_in_which_precision_and_is_one_still(exp, audio, mode):
    scores = exp / "scores/other/eval"
    record_scoring(ExperimentDir(exp), scores, audio, mode)
    text = (exp / "scores/other/eval.weights.sha256").read_text()
    assert text.startswith(f"# precision {mode}\n# audio ")
    check_weights(ExperimentDir(exp), scores)
    check = ["sha256sum", "--check", "--status", "scores/other/eval.weights.sha256"]
    assert subprocess.run(check, cwd=exp, check=False).returncode == 0


def test_scores_of_other_audio_are_refused(exp, audio):
    scores = exp / "scores/other/eval"
    check_scores(ExperimentDir(exp), scores, audio)
    tables.write_table(audio / DIGESTS, {"u1": 32 * "a"})
    with pytest.raises(FadError, match=r"eval: of other audio than .*/audio has now: run stage 4"):
        check_scores(ExperimentDir(exp), scores, audio)


def test_scores_of_nobody_knows_which_audio_are_refused(exp, audio):
    record = exp / "scores/other/eval.weights.sha256"
    record.write_text(record.read_text().splitlines()[-1] + "\n")  # as an older version wrote it
    check_weights(ExperimentDir(exp), exp / "scores/other/eval")
    with pytest.raises(FadError, match=r"eval: of other audio than"):
        check_scores(ExperimentDir(exp), exp / "scores/other/eval", audio)


def test_scores_are_done_again_for_other_weights_another_mode_or_other_audio(exp, audio):
    model, scores = ExperimentDir(exp), exp / "scores/other/eval"
    int8, pooled = ScoringMode("int8"), ScoringMode(compute=2)
    assert why_not_scored(model, scores, audio) is None
    assert "was not made in int8" in why_not_scored(model, scores, audio, int8)
    record_scoring(model, scores, audio, pooled)
    assert why_not_scored(model, scores, audio, pooled) is None
    assert "was not made in fp32" in why_not_scored(model, scores, audio)
    model.weights.write_bytes(b"others")
    assert "of other weights" in why_not_scored(model, scores, audio, pooled)
    record_scoring(model, scores, audio)
    tables.write_table(audio / DIGESTS, {"u1": 32 * "a"})
    assert "of other audio" in why_not_scored(model, scores, audio)
    scores.unlink()
    assert "is not there" in why_not_scored(model, scores, audio)
