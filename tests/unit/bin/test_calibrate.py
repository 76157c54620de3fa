"""`fad.bin.calibrate`: what is fitted, kept, shown and warned of."""

import re

import numpy as np
import pytest

from fad.bin import calibrate
from fad.evaluation.calibration.logistic import fit_calibration
from fad.evaluation.calibration.model import read_calibration
from fad.evaluation.metrics.cllr import cllr
from fad.experiment.directory import ExperimentDir
from fad.experiment.scores import record_scoring
from fad.utils.errors import FadError
from tests.helpers.corpus import add_digests


def write_set(folder, name: str, seed: int, sign: float = 1.0, shift: float = 5.0):
    """Scores of 60 bona fide and 90 spoofed trials by a badly calibrated system, and labels."""
    rng = np.random.default_rng(seed)
    is_bonafide = np.arange(150) < 60
    scores = sign * (3 * rng.normal(np.where(is_bonafide, 1, -1)) + shift)
    rows = [f"u{n:03d} {score:.6f}\n" for n, score in enumerate(scores)]
    labels = [f"u{n:03d} {('spoof', 'bonafide')[int(b)]}\n" for n, b in enumerate(is_bonafide)]
    (folder / name).write_text("".join(rows))
    (folder / "labels").write_text("".join(labels))
    return np.round(scores[is_bonafide], 6), np.round(scores[~is_bonafide], 6)


def fit(folder, *names: str, options: tuple[str, ...] = ()):
    scores = [word for name in names for word in ("--scores", str(folder / name))]
    out = folder / "calibration.json"
    calibrate.main([*scores, "--labels", str(folder / "labels"), "--out", str(out), *options])
    return read_calibration(out)


def test_what_is_fitted_is_written_and_shown(tmp_path, capsys):
    classes = write_set(tmp_path, "dev", 1)
    found = fit(tmp_path, "dev", options=("--p_spoof", "0.2"))
    expected = fit_calibration(*classes, 0.2)
    assert (found.weights, found.offset) == (expected.weights, expected.offset)
    assert (found.p_spoof, found.bonafide, found.spoof) == (0.2, 60, 90)
    said = capsys.readouterr().out
    assert f"llr = {found.weights[0]:.6g} * {tmp_path}/dev - {-found.offset:.6g}\n" in said
    assert f"{cllr(*classes):.6f}" in said
    assert f"{cllr(*map(found.llr, classes)):.6f}" in said
    assert said.endswith("on the 60 bona fide and 90 spoofed trials of the fit itself\n")


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    write_set(tmp_path, "dev", 1)
    fit(tmp_path, "dev")
    first = (tmp_path / "calibration.json").read_bytes()
    fit(tmp_path, "dev")
    assert (tmp_path / "calibration.json").read_bytes() == first


def test_two_systems_are_fused_in_their_order(tmp_path):
    first, second = write_set(tmp_path, "a", 1), write_set(tmp_path, "b", 2, shift=-30)
    fused = fit(tmp_path, "a", "b")
    alone = fit(tmp_path, "a")
    both = [np.stack(pair, axis=1) for pair in zip(first, second, strict=True)]
    assert cllr(*map(fused.llr, both)) < cllr(*map(alone.llr, first))
    assert [system.name for system in fused.systems] == [str(tmp_path / n) for n in "ab"]


def test_an_inverted_system_is_told_and_says_nothing(tmp_path, caplog):
    classes = write_set(tmp_path, "dev", 1, sign=-1)
    found = fit(tmp_path, "dev")
    np.testing.assert_array_equal(np.concatenate([*map(found.llr, classes)]), 0)
    assert re.search(r"dev: its weight is 0: is its sign inverted\?", caplog.text)


def test_outliers_are_not_taken_for_a_sign(tmp_path, caplog):
    """Bona fide is nearly always higher, but two trials pull the slope to 0."""
    scores = [*range(10, 20), -1e6, *range(10), 1e6]
    labels = ["bonafide"] * 11 + ["spoof"] * 11
    (tmp_path / "dev").write_text("".join(f"u{n} {score}\n" for n, score in enumerate(scores)))
    (tmp_path / "labels").write_text("".join(f"u{n} {word}\n" for n, word in enumerate(labels)))
    assert fit(tmp_path, "dev").weights == (0.0,)
    assert "no information on these trials" in caplog.text and "outliers?" in caplog.text
    assert "sign" not in caplog.text


def test_one_phase_of_an_organisers_key_is_fitted_and_told(tmp_path, capsys):
    write_set(tmp_path, "dev", 1)
    rows = [line.split() for line in (tmp_path / "labels").read_text().splitlines()]
    key = [
        f"s {utt} alaw ita_tx {'A07' if label == 'spoof' else '-'} {label} notrim "
        f"{'progress' if n % 2 else 'eval'}\n"
        for n, (utt, label) in enumerate(rows)
    ]
    half = [line for n, line in enumerate((tmp_path / "labels").open()) if n % 2]
    (tmp_path / "labels").write_text("".join(key))
    found = fit(tmp_path, "dev", options=("--phase", "progress"))
    assert (found.bonafide, found.spoof) == (30, 45)
    assert capsys.readouterr().out.endswith("of the fit itself, of the phase progress\n")
    (tmp_path / "labels").write_text("".join(half))
    lines = (tmp_path / "dev").read_text().splitlines(keepends=True)
    (tmp_path / "dev").write_text("".join(lines[1::2]))
    alone = fit(tmp_path, "dev")
    assert (alone.weights, alone.offset) == (found.weights, found.offset)


def test_an_inverted_system_of_a_fusion_is_told(tmp_path, caplog):
    write_set(tmp_path, "a", 1)
    write_set(tmp_path, "b", 2, sign=-1)
    found = fit(tmp_path, "a", "b")
    assert found.weights[1] < 0 < found.weights[0]
    assert [message for message in caplog.messages if "/a: " in message] == []
    assert re.search(r"b: its weight is -0\.\d+: is its sign inverted\?", caplog.text)


def test_scores_must_be_of_the_model_that_is_named(tmp_path):
    write_set(tmp_path, "dev", 1)
    (tmp_path / "best.safetensors").write_bytes(b"weights")
    with pytest.raises(FadError, match=r"dev: without dev.weights.sha256 beside it"):
        fit(tmp_path, "dev", options=("--model", str(tmp_path)))
    (tmp_path / "utt2label").write_text("u1 spoof\n")
    record_scoring(ExperimentDir(tmp_path), tmp_path / "dev", add_digests(tmp_path))
    found = fit(tmp_path, "dev", options=("--model", str(tmp_path)))
    assert found.systems[0].model_sha256 is not None
    (tmp_path / "best.safetensors").write_bytes(b"trained on")
    with pytest.raises(FadError, match=r"dev: of other weights than .*: run stage 4 again"):
        fit(tmp_path, "dev", options=("--model", str(tmp_path)))
