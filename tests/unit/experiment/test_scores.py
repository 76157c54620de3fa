"""Scores are of the weights that are there, or stage 5 refuses them."""

import subprocess

import pytest

from fad.experiment.scores import check_weights, record_weights, recorded_weights
from fad.utils.errors import FadError
from fad.utils.files import sha256_file


@pytest.fixture
def exp(tmp_path):
    (tmp_path / "scores" / "other").mkdir(parents=True)
    (tmp_path / "best.safetensors").write_bytes(b"weights")
    (tmp_path / "scores" / "other" / "eval").write_text("u1 1.0\n")
    record_weights(tmp_path, tmp_path / "scores" / "other" / "eval")
    return tmp_path


def test_scores_of_the_weights_that_are_there_pass(exp):
    check_weights(exp, exp / "scores/other/eval")


def test_scores_of_other_weights_are_refused(exp):
    (exp / "best.safetensors").write_bytes(b"trained on")
    with pytest.raises(FadError, match=r"eval: of other weights than .*: run stage 4 again"):
        check_weights(exp, exp / "scores/other/eval")


def test_scores_of_nobody_knows_which_weights_are_refused(exp):
    (exp / "scores/other/eval.weights.sha256").unlink()
    with pytest.raises(FadError, match=r"without eval.weights.sha256 beside it: run stage 4"):
        check_weights(exp, exp / "scores/other/eval")


def test_without_weights_nothing_can_be_said(exp):
    (exp / "best.safetensors").unlink()
    with pytest.raises(FadError, match=r"best.safetensors: missing: run stage 3 first"):
        check_weights(exp, exp / "scores/other/eval")


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
        check_weights(exp, exp / "scores/other/eval")


@pytest.mark.parametrize("manner", ["int8", "fp32-compute2"])
def test_a_record_says_in_which_precision_and_is_one_still(exp, manner):
    scores = exp / "scores/other/eval"
    record_weights(exp, scores, manner)
    text = (exp / "scores/other/eval.weights.sha256").read_text()
    assert text.startswith(f"# precision {manner}\n")
    check_weights(exp, scores)
    check = ["sha256sum", "--check", "--status", "scores/other/eval.weights.sha256"]
    assert subprocess.run(check, cwd=exp, check=False).returncode == 0
