"""What is said of one recording: its score, or the ratio and the decision that costs least."""

import argparse
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from fad.evaluation.calibration.model import (
    Calibration,
    System,
    read_calibration,
    write_calibration,
)
from fad.evaluation.metrics.dcf import DcfCosts
from fad.inference.decision import Decision, add_answer_options, read_answer
from fad.utils.errors import FadError
from fad.utils.files import sha256_file


@pytest.fixture
def exp(tmp_path):
    """A model whose calibration is llr = 2 s - 1."""
    weights = tmp_path / "best.safetensors"
    weights.write_bytes(b"weights")
    system = System("dev", None, sha256_file(weights))
    calibration = Calibration((2.0,), -1.0, 0.5, 9, 9, (system,))
    write_calibration(tmp_path / "calibration.json", calibration)
    return tmp_path


def answer(exp: Path, *options: str):
    parser = argparse.ArgumentParser()
    add_answer_options(parser)
    return read_answer(argparse.Namespace(model=exp, **vars(parser.parse_args(options))))


def test_without_calibration_it_is_the_score(tmp_path):
    assert answer(tmp_path).of(-1.25) == ("-1.250000",)


@pytest.mark.parametrize(
    ("options", "score", "expected"),
    [
        ((), 0.5, "0.000000\tbonafide"),
        ((), 0.4999, "-0.000200\tspoof"),
        (("--p_spoof", "0.05", "--c_fa", "10"), 0.5, "0.000000\tbonafide"),  # ASVspoof 5: -0.64
        (("--p_spoof", "0.05", "--c_fa", "10"), 0.17, "-0.660000\tspoof"),
        (("--c_fa", "2", "--c_miss", "4"), 0.49999999, "0.000000\tbonafide"),  # and not -0.000000
        (("--c_fa", "10"), 1.6, "2.200000\tspoof"),  # ln 10 = 2.30
        (("--c_fa", "10"), 1.7, "2.400000\tbonafide"),
        (("--c_fa", "10", "--c_miss", "10"), 0.5, "0.000000\tbonafide"),
    ],
)
def test_the_decision_is_the_one_that_costs_least(exp, options, score, expected):
    assert answer(exp, "--calibrated", "true", *options).of(score) == tuple(expected.split("\t"))


def test_the_threshold_is_told_once(exp, caplog):
    with caplog.at_level(logging.INFO):
        found = answer(exp, "--calibrated", "true", "--p_spoof", "0.5", "--c_fa", "10")
        found.of(0.0)
    assert caplog.messages == ["bonafide from 2.302585 nats on (p_spoof 0.5, c_miss 1, c_fa 10)"]


def test_a_calibration_without_information_decides_nothing(exp):
    """Else every file would get the same ratio and the same word."""
    path = exp / "calibration.json"
    write_calibration(path, replace(read_calibration(path), weights=(0.0,)))
    with pytest.raises(FadError, match=r"calibration\.json: has no information: on dev, higher"):
        answer(exp, "--calibrated", "true")
    assert answer(exp).of(1.0) == ("1.000000",)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--p_spoof", "0.5"), "--p_spoof is for decisions: add --calibrated true"),
        (("--c_fa", "2", "--calibrated", "false"), "--c_fa is for decisions"),
        (("--calibrated", "true", "--p_spoof", "0"), "p_spoof must lie between 0 and 1, not 0"),
        (("--calibrated", "true", "--p_spoof", "nan"), "p_spoof must lie between 0 and 1"),
        (("--calibrated", "true", "--c_miss", "-1"), "costs must be positive"),
    ],
)
def test_options_that_mean_nothing_are_refused(exp, options, says):
    with pytest.raises(FadError, match=says):
        answer(exp, *options)


def test_a_ratio_that_is_not_finite_is_no_answer(tmp_path):
    calibration = Calibration((1e300,), 0.0, 0.5, 1, 1, (System("a"),))
    decision = Decision(calibration, DcfCosts(), tmp_path / "calibration.json")
    with pytest.raises(FadError, match=r"calibration.json: 1 of 1 calibrated scores are not fin"):
        decision.of(1e300)
