"""`fad.bin.apply_calibration`: files of scores become one file of ratios."""

import pytest

from fad.bin import apply_calibration
from fad.calibration import Calibration, System, write_calibration
from fad.data.tables import read_table
from fad.errors import FadError

FUSION = Calibration((2.0, -0.5), 1.0, 0.5, 1, 1, (System("a"), System("b")))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a").write_text("u2 1.5\nu1 -1\n")
    (tmp_path / "b").write_text("u1 A01 spoof 4\nu2 - bonafide -3\n")  # its labels are not read
    write_calibration(tmp_path / "c.json", FUSION)
    return tmp_path


def apply(folder, *scores: str, out: str = "llr") -> dict[str, str]:
    words = [word for name in scores for word in ("--scores", str(folder / name))]
    common = ["--calibration", str(folder / "c.json"), "--out", str(folder / out)]
    apply_calibration.main([*common, *words])
    return read_table(folder / out)


def test_each_trial_has_the_ratio_of_its_scores_sorted(folder):
    found = apply(folder, "a", "b")
    assert list(found.items()) == [("u1", "-3.000000"), ("u2", "5.500000")]


def test_the_order_is_that_of_the_calibration(folder):
    assert apply(folder, "b", "a") == {"u1": "9.500000", "u2": "-5.750000"}


@pytest.mark.parametrize("scores", [("a",), ("a", "b", "b")])
def test_the_number_of_systems_is_that_of_the_calibration(folder, scores):
    with pytest.raises(FadError, match=r"c.json: is of 2 systems and not of .*this order: a, b"):
        apply(folder, *scores)
    assert not (folder / "llr").exists()


def test_the_trials_of_all_systems_are_the_same(folder):
    (folder / "a").write_text("u1 1\nu3 1\n")
    with pytest.raises(FadError, match=r"a and .*b have different keys: 1 only in .*a \(u3\)"):
        apply(folder, "a", "b")


@pytest.mark.parametrize("out", ["a", "./b", "c.json"])
def test_no_input_is_lost(folder, out):
    before = (folder / out).read_bytes()
    with pytest.raises(FadError, match=r"is an input, which would be lost: name another file"):
        apply(folder, "a", "b", out=out)
    assert (folder / out).read_bytes() == before
