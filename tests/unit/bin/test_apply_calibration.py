"""`fad.bin.apply_calibration`: files of scores become one file of ratios."""

import pytest

from fad.bin import apply_calibration
from fad.data.tables import read_table
from fad.evaluation.calibration.model import Calibration, System, write_calibration
from fad.utils.errors import FadError

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
    assert list(found.items()) == [("u1", "-3.0"), ("u2", "5.5")]


def test_the_order_is_that_of_the_calibration(folder):
    assert apply(folder, "b", "a") == {"u1": "9.5", "u2": "-5.75"}


def test_ratios_are_exact(folder):
    """A small slope must not make ties of scores that differ."""
    write_calibration(folder / "c.json", Calibration((1e-9,), 0.0, 0.5, 1, 1, (System("a"),)))
    (folder / "a").write_text("u1 1.5\nu2 1.25\nu3 0.1\n")
    found = {utt: float(llr) for utt, llr in apply(folder, "a").items()}
    assert found == {"u1": 1.5 * 1e-9, "u2": 1.25 * 1e-9, "u3": 0.1 * 1e-9}


def test_names_with_folders_and_named_columns_of_logits(folder):
    """What is applied to is read as what was fitted on."""
    write_calibration(folder / "c.json", Calibration((2.0,), 1.0, 0.5, 1, 1, (System("a"),)))
    (folder / "a").write_text("clip,real,fake,label\nx/u 1.wav,2,1,1\nx/u2.wav,1,3,0\n")
    columns = ["--columns", "utt=clip,bonafide_logit=real,spoof_logit=fake", "--bonafide", "1"]
    words = ["--calibration", folder / "c.json", "--scores", folder / "a", "--out", folder / "llr"]
    with pytest.raises(FadError, match=r"llr: 'x/u 1.wav' has white space, a comma or a semicolo"):
        apply_calibration.main([*map(str, words), *columns])
    assert not (folder / "llr").exists()
    (folder / "a").write_text((folder / "a").read_text().replace("u 1", "u1"))
    apply_calibration.main([*map(str, words), *columns])
    assert (folder / "llr").read_text() == "x/u1.wav 3.0\nx/u2.wav -3.0\n"


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
    with pytest.raises(FadError, match=r"is an input and would be lost: name another file"):
        apply(folder, "a", "b", out=out)
    assert (folder / out).read_bytes() == before
