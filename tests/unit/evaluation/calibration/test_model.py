"""What a calibration does to scores, and its file: written, read back, refused."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fad.evaluation.calibration.model import (
    Calibration,
    System,
    read_calibration,
    write_calibration,
)
from fad.utils.errors import FadError

ONE = Calibration((2.0,), -1.5, 0.5, 3, 4, (System("a", "0" * 64, "f" * 64),))
TWO = Calibration((2.0, -0.25), 0.5, 0.05, 3, 4, (System("a"), System("b")))


def test_ratios_are_affine_in_the_scores():
    np.testing.assert_array_equal(ONE.llr([1.0, -1.0, 0.75]), [0.5, -3.5, 0.0])
    np.testing.assert_array_equal(TWO.llr([[1.0, 2.0], [0.0, 4.0]]), [2.0, -0.5])
    assert ONE.llr(np.float32([1.0])).dtype == np.float64


@pytest.mark.parametrize(
    ("calibration", "scores", "says"),
    [
        (TWO, [1.0, 2.0], "scores of 1 systems for a calibration of 2"),
        (ONE, [[1.0, 2.0]], "scores of 2 systems for a calibration of 1"),
        (ONE, [1.0, math.nan], "1 of 2 trial scores are not finite"),
        (ONE, [9e299], "1 of 1 calibrated scores are not finite"),
        (ONE, [], "there are no trial scores"),
    ],
)
def test_scores_that_do_not_fit_are_refused(calibration, scores, says):
    with pytest.raises(ValueError, match=says):
        calibration.llr(scores)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SHA256 = st.one_of(st.none(), st.from_regex("[0-9a-f]{64}", fullmatch=True))
NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1)
SYSTEMS = st.builds(System, NAMES, SHA256, SHA256)
PAIRS = st.lists(st.tuples(NUMBERS, SYSTEMS), min_size=1, max_size=4)


@settings(deadline=None, derandomize=True)
@given(PAIRS, NUMBERS, st.floats(1e-9, 1 - 1e-9), st.integers(1, 10**9))
def test_what_is_written_is_read_back(tmp_path_factory, pairs, offset, p_spoof, count):
    path = tmp_path_factory.getbasetemp() / "calibration.json"
    weights, systems = zip(*pairs, strict=True)
    calibration = Calibration(weights, offset, p_spoof, count, 7, systems)
    write_calibration(path, calibration)
    assert read_calibration(path) == calibration
    first = path.read_bytes()
    write_calibration(path, calibration)
    assert path.read_bytes() == first


def test_the_file_says_what_each_number_is(tmp_path):
    write_calibration(tmp_path / "c.json", ONE)
    assert json.loads((tmp_path / "c.json").read_text()) == {
        "version": 1,
        "p_spoof": 0.5,
        "offset": -1.5,
        "trials": {"bonafide": 3, "spoof": 4},
        "systems": [
            {"name": "a", "scores_sha256": "0" * 64, "model_sha256": "f" * 64, "weight": 2.0}
        ],
    }


def test_a_calibration_that_is_not_there_names_who_makes_it(tmp_path):
    with pytest.raises(FadError, match=r"c.json: cannot be read .*fit it again \(stage 4, or"):
        read_calibration(tmp_path / "c.json")
