"""Calibration of files: whose scores they are, in which order, and what they are worth after it."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from fad.data.tables import read_labels
from fad.evaluation.calibration.files import (
    apply_to_files,
    by_class,
    calibrated_results,
    fit_files,
    fit_table,
    formula,
    read_model_calibration,
    warnings_of_fit,
)
from fad.evaluation.calibration.model import Calibration, System, write_calibration
from fad.evaluation.metrics.cllr import cllr, min_cllr
from fad.evaluation.metrics.dcf import ASVSPOOF5, act_dcf, min_dcf
from fad.evaluation.trials.score_files import read_scores
from fad.evaluation.trials.trials import make_trials
from fad.experiment.directory import ExperimentDir
from fad.experiment.scores import record_scoring
from fad.utils.errors import FadError
from fad.utils.files import sha256_file
from tests.helpers.corpus import add_digests

LABELS = "u1 bonafide\nu2 spoof\nu3 bonafide\nu4 spoof\nu5 spoof\n"


@pytest.fixture
def folder(tmp_path):
    """Two systems' scores of five trials, their labels, and the model of the first."""
    (tmp_path / "a").write_text("u1 4\nu2 -3\nu3 1\nu4 2\nu5 -1\n")
    (tmp_path / "b").write_text("u5 20\nu4 10\nu3 40\nu2 15\nu1 30\n")  # in another order
    (tmp_path / "labels").write_text(LABELS)
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp/best.safetensors").write_bytes(b"weights")
    (tmp_path / "utt2label").write_text(LABELS)
    record_scoring(ExperimentDir(tmp_path / "exp"), tmp_path / "a", add_digests(tmp_path))
    return tmp_path


def classes_of(folder, *names):
    labels = read_labels(folder / "labels")
    return by_class([make_trials(n, read_scores(folder / n).scores, labels) for n in names])


def fit(folder, *names):
    return fit_files([folder / name for name in names], *classes_of(folder, *names), 0.5)


def apply(fitted, folder, *names):
    files = [read_scores(folder / name) for name in names]
    return apply_to_files(fitted, folder / "c.json", files)


def test_scores_of_one_trial_stand_in_one_row(folder):
    bonafide, spoof = classes_of(folder, "a", "b")
    np.testing.assert_array_equal(bonafide, [[4, 30], [1, 40]])
    np.testing.assert_array_equal(spoof, [[-3, 15], [2, 10], [-1, 20]])


def test_a_fit_keeps_whose_scores_it_was_made_on(folder):
    fitted = fit(folder, "a", "b")
    weights = sha256_file(folder / "exp/best.safetensors")
    assert fitted.systems == (
        System(str(folder / "a"), sha256_file(folder / "a"), weights),
        System(str(folder / "b"), sha256_file(folder / "b"), None),
    )
    assert (fitted.bonafide, fitted.spoof) == (2, 3)


def test_the_ratios_of_files_are_those_of_the_calibration(folder):
    fitted = fit(folder, "a", "b")
    ratios = apply(fitted, folder, "a", "b")
    assert list(ratios) == ["u1", "u2", "u3", "u4", "u5"]
    (first, second), offset = fitted.weights, fitted.offset
    assert ratios["u4"] == pytest.approx(2 * first + 10 * second + offset)


def test_scores_in_another_order_are_refused_where_the_models_are_known(folder):
    fitted = fit(folder, "a", "b")
    with pytest.raises(FadError, match=r"b: not of the model of .*a, which .*c.json was fitted on"):
        apply(fitted, folder, "b", "a")


def test_the_table_has_every_system_and_the_ratios(folder):
    bonafide, spoof = classes_of(folder, "a", "b")
    fitted = fit(folder, "a", "b")
    header, rows = fit_table(fitted, bonafide, spoof)
    assert len(header) == len(rows[0])
    assert [row[0] for row in rows] == [
        str(folder / "a"),
        str(folder / "b"),
        "as log-likelihood ratios",
    ]
    classes = bonafide[:, 1], spoof[:, 1]
    assert float(rows[1][1]) == pytest.approx(cllr(*classes), abs=1e-6)
    after = fitted.llr(bonafide), fitted.llr(spoof)
    expected = [cllr(*after), min_cllr(*after), act_dcf(*after), min_dcf(*after)]
    assert [float(cell) for cell in rows[2][1:]] == pytest.approx(expected, abs=1e-6)


def test_the_formula_has_every_system():
    fusion = Calibration((0.5, -2.0), -1.25, 0.5, 1, 1, (System("a"), System("b")))
    assert formula(fusion) == "llr = 0.5 * a + -2 * b - 1.25"


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ((1.0, 1.0, 1.0), []),
        ((0.0, 1.0, 1.0), ["good: its weight is 0: no information on these trials: "]),
        (
            (-0.5, 1.0, 1.0),
            ["good: its weight is -0.5: by itself it ranks the classes correct"],
        ),
        ((1.0, -1.0, 0.0), ["bad: its weight is -1: is its sign inverted?", "flat: .* outliers"]),
    ],
)
def test_a_sign_is_asked_for_only_where_the_order_is_wrong(weights, said):
    systems = tuple(map(System, ("good", "bad", "flat")))
    fitted = Calibration(weights, 0.0, 0.5, 2, 2, systems)
    bonafide, spoof = np.array([[2.0, -2, 1], [1, -1, 1]]), np.array([[-1.0, 1, 1], [-2, 2, 1]])
    found = warnings_of_fit(fitted, bonafide, spoof)
    assert len(found) == len(said)
    for line, start in zip(found, said, strict=True):
        assert re.match(start.replace("?", r"\?"), line)


def test_the_calibration_of_a_model_is_that_of_its_weights(folder):
    fitted = fit(folder, "a")
    write_calibration(folder / "exp/calibration.json", fitted)
    assert read_model_calibration(ExperimentDir(folder / "exp")) == fitted
    (folder / "exp/best.safetensors").write_bytes(b"trained on")
    with pytest.raises(FadError, match=r"calibration.json: of other weights than .*: fit it again"):
        read_model_calibration(ExperimentDir(folder / "exp"))
    (folder / "exp/best.safetensors").unlink()
    with pytest.raises(FadError, match=r"best.safetensors: missing: run stage 3 first"):
        read_model_calibration(ExperimentDir(folder / "exp"))


def test_results_are_those_of_the_ratios():
    scores = {"u1": 3.0, "u2": -2.0, "u3": 0.5, "u4": 1.0}
    labels = {"u1": "bonafide", "u2": "spoof", "u3": "bonafide", "u4": "spoof"}
    calibration = Calibration((2.0,), -3.0, 0.25, 20, 30, (System("a"),))
    found = calibrated_results(make_trials("x", scores, labels), calibration)
    bonafide, spoof = [3.0, -2.0], [-7.0, -1.0]
    assert found == {
        "scale": 2.0,
        "offset": -3.0,
        "p_spoof": 0.25,
        "fitted_on": {"bonafide": 20, "spoof": 30},
        "act_dcf": act_dcf(bonafide, spoof),
        "cllr_bits": cllr(bonafide, spoof),
        "bayes_threshold": pytest.approx(-math.log(0.95 / 0.5)),
        "decisions": {
            "threshold": pytest.approx(-math.log(0.95 / 0.5)),
            "accuracy": 0.75,  # the second bona fide trial is missed
            "balanced_accuracy": 0.75,
            "f1": pytest.approx(4 / 5),
            "p_miss": 0.5,
            "p_fa": 0.0,
        },
    }
    assert found["act_dcf"] == pytest.approx(0.5 * 0.95 / 0.5)  # one of two is below -0.64 nats
    assert found["bayes_threshold"] == ASVSPOOF5.bayes_threshold


def test_a_fusion_is_no_calibration_of_one_set():
    trials = make_trials("x", {"u1": 1.0, "u2": 0.0}, {"u1": "bonafide", "u2": "spoof"})
    fusion = Calibration((1.0, 1.0), 0.0, 0.5, 1, 1, (System("a"), System("b")))
    with pytest.raises(FadError, match="x: calibrated, scores of 1 systems for a calibration of 2"):
        calibrated_results(trials, fusion)


def test_a_calibration_without_information_makes_no_ratios(folder):
    void = replace(fit(folder, "a"), weights=(0.0,), offset=0.0)
    with pytest.raises(FadError, match=r"has no information: .* every ratio would be 0: fit"):
        apply(void, folder, "a")
