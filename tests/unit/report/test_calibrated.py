"""Calibration of files: whose scores they are, in which order, and what they are worth after it."""

import math

import numpy as np
import pytest

from fad.calibration import Calibration, System, write_calibration
from fad.errors import FadError
from fad.files import sha256_file
from fad.metrics.cllr import cllr, min_cllr
from fad.metrics.dcf import ASVSPOOF5, act_dcf, min_dcf
from fad.report.calibrated import (
    apply_to_files,
    calibrated_results,
    fit_files,
    fit_table,
    read_labelled,
    read_model_calibration,
)
from fad.report.scored import record_weights
from fad.scores.trials import make_trials

LABELS = "u1 bonafide\nu2 spoof\nu3 bonafide\nu4 spoof\nu5 spoof\n"


@pytest.fixture
def folder(tmp_path):
    """Two systems' scores of five trials, their labels, and the model of the first."""
    (tmp_path / "a").write_text("u1 4\nu2 -3\nu3 1\nu4 2\nu5 -1\n")
    (tmp_path / "b").write_text("u5 20\nu4 10\nu3 40\nu2 15\nu1 30\n")  # in another order
    (tmp_path / "labels").write_text(LABELS)
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp/best.safetensors").write_bytes(b"weights")
    record_weights(tmp_path / "exp", tmp_path / "a")
    return tmp_path


def fit(folder, *names):
    paths = [folder / name for name in names]
    return fit_files(paths, *read_labelled(paths, folder / "labels"), 0.5)


def test_scores_of_one_trial_stand_in_one_row(folder):
    bonafide, spoof = read_labelled([folder / "a", folder / "b"], folder / "labels")
    np.testing.assert_array_equal(bonafide, [[4, 30], [1, 40]])
    np.testing.assert_array_equal(spoof, [[-3, 15], [2, 10], [-1, 20]])


def test_labels_may_lie_in_the_scores(folder):
    (folder / "own").write_text("u1 - bonafide 4\nu2 A01 spoof 1\n")
    (folder / "other").write_text("u1 A01 spoof 4\nu2 - bonafide 1\n")
    bonafide, spoof = read_labelled([folder / "own"], None)
    assert (bonafide.tolist(), spoof.tolist()) == ([[4]], [[1]])
    with pytest.raises(FadError, match=r"own: has other labels in it than the other scores"):
        read_labelled([folder / "own", folder / "other"], None)


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
    ratios = apply_to_files(fitted, folder / "c.json", [folder / "a", folder / "b"])
    assert list(ratios) == ["u1", "u2", "u3", "u4", "u5"]
    (first, second), offset = fitted.weights, fitted.offset
    assert ratios["u4"] == pytest.approx(2 * first + 10 * second + offset)


def test_scores_in_another_order_are_refused_where_the_models_are_known(folder):
    fitted = fit(folder, "a", "b")
    with pytest.raises(FadError, match=r"b: not of the model of .*a, which .*c.json was fitted on"):
        apply_to_files(fitted, folder / "c.json", [folder / "b", folder / "a"])


def test_the_table_has_every_system_and_the_ratios(folder):
    bonafide, spoof = read_labelled([folder / "a", folder / "b"], folder / "labels")
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


def test_the_calibration_of_a_model_is_that_of_its_weights(folder):
    fitted = fit(folder, "a")
    write_calibration(folder / "exp/calibration.json", fitted)
    assert read_model_calibration(folder / "exp") == fitted
    (folder / "exp/best.safetensors").write_bytes(b"trained on")
    with pytest.raises(FadError, match=r"calibration.json: of other weights than .*: fit it again"):
        read_model_calibration(folder / "exp")
    (folder / "exp/best.safetensors").unlink()
    with pytest.raises(FadError, match=r"best.safetensors: missing: run stage 3 first"):
        read_model_calibration(folder / "exp")


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
