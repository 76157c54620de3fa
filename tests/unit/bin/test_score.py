"""`fad.bin.score`: files of any kind, scored as stage 4 scores them."""

import logging
import shutil

import numpy as np
import pytest
import soundfile

from fad.bin import calibrate, score, score_set
from fad.data import tables
from fad.evaluation.calibration.model import read_calibration
from fad.utils.errors import FadError

INT8 = 0.05  # on scores near 1


def lines(capsys, *options: str) -> list[list[str]]:
    score.main(list(options))
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def test_a_file_scores_as_in_its_set(capsys, trained, tiny_dump, tmp_path):
    audio = tiny_dump / "audio" / "dev"
    common = ["--model", str(trained), "--audio", str(audio), "--out", str(tmp_path / "dev")]
    score_set.main(common)
    score_set.main([*common, "--combine", "true"])
    expected = tables.read_table(tmp_path / "dev")
    paths = tables.read_wav_scp(audio / "wav.scp")
    found = lines(capsys, "--model", str(trained), *reversed(paths.values()))
    assert [path for path, _ in found] == list(reversed(paths.values()))
    ours = [float(value) for _, value in found]
    theirs = [float(expected[utt]) for utt in reversed(paths)]
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_stereo_at_another_rate_is_scored_like_its_original(capsys, trained, tmp_path):
    # White noise would lose its upper half; a tone survives the way up and down.
    wav = 0.3 * np.sin(2 * np.pi * 220 * np.arange(5 * 16_000) / 16_000)
    up = 0.3 * np.sin(2 * np.pi * 220 * np.arange(5 * 48_000) / 48_000)
    soundfile.write(tmp_path / "a.wav", wav, 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "b.flac", np.stack([up, up], axis=1), 48_000, subtype="PCM_24")
    found = lines(
        capsys, "--model", str(trained), str(tmp_path / "a.wav"), str(tmp_path / "b.flac")
    )
    first, second = (float(value) for _, value in found)
    assert second == pytest.approx(first, abs=0.2)


def test_what_the_columns_are_is_said_once(caplog, capsys, trained, tmp_path):
    soundfile.write(tmp_path / "a.wav", 0.1 * np.ones(16_000), 16_000)
    with caplog.at_level(logging.INFO):
        assert len(lines(capsys, "--model", str(trained), *[str(tmp_path / "a.wav")] * 2)) == 2
    assert caplog.messages.count("path, score; higher = bona fide") == 1


def test_bad_files_are_named_and_the_rest_is_scored(trained, tmp_path, caplog, capsys):
    (tmp_path / "bad.wav").write_text("no audio")
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, 0.1 * np.ones(16_000), 16_000)
    paths = [str(tmp_path / name) for name in ("bad.wav", "a.wav", "none.wav", "b.wav")]
    with pytest.raises(FadError, match=r"^2 of 4 files have no score: see the errors above$"):
        score.main(["--model", str(trained), *paths])
    scored = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert scored == [paths[1], paths[3]]
    errors = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert [error.split(":")[0] for error in errors] == [paths[0], paths[2]]
    assert not any("corpus" in error or "wav.scp" in error for error in errors)


def test_calibrated_scores_are_ratios_with_a_decision(capsys, caplog, trained, tiny_dump, tmp_path):
    exp, audio = shutil.copytree(trained, tmp_path / "exp"), tiny_dump / "audio" / "dev"
    scores = exp / "scores" / "dev"
    common = ["--model", str(exp), "--audio", str(audio), "--out", str(scores)]
    score_set.main(common)
    score_set.main([*common, "--combine", "true"])
    out, labels = exp / "calibration.json", tables.read_labels(audio / "utt2label")
    words = ["--labels", str(audio / "utt2label"), "--out", str(out)]
    calibrate.main(["--model", str(exp), "--scores", str(scores), *words])
    fitted = read_calibration(out)
    capsys.readouterr()

    paths = tables.read_wav_scp(audio / "wav.scp")
    options = ("--calibrated", "true", "--p_spoof", "0.5", "--c_fa", "1")
    with caplog.at_level(logging.INFO):
        found = lines(capsys, "--model", str(exp), *options, *paths.values())
    raw = [float(value) for value in tables.read_table(scores).values()]
    assert [float(row[1]) for row in found] == pytest.approx(fitted.llr(raw), abs=1e-4)
    assert [row[2] for row in found] == [labels[utt] for utt in paths]
    assert caplog.text.count("bonafide from 0.000000 nats on (p_spoof 0.5, c_miss 1, c_fa 1)") == 1


def test_a_model_without_calibration_says_so_before_it_is_loaded(tmp_path):
    (tmp_path / "best.safetensors").write_bytes(b"weights")
    with pytest.raises(FadError, match=r"calibration.json: cannot be read .*\(stage 4, or"):
        score.main(["--model", str(tmp_path), "--calibrated", "true", "a.wav"])


def test_a_model_that_is_not_there_says_what_model_takes(tmp_path):
    with pytest.raises(FadError, match="--model takes an exp/<tag>"):
        score.main(["--model", str(tmp_path), "a.wav"])


def test_in_integers_a_file_scores_nearly_as_in_float(capsys, trained, tiny_dump):
    paths = tables.read_wav_scp(tiny_dump / "audio" / "dev" / "wav.scp").values()
    common = ("--model", str(trained))
    whole = [float(row[1]) for row in lines(capsys, *common, *paths)]
    ints = [float(row[1]) for row in lines(capsys, *common, "--precision", "int8", *paths)]
    assert ints == pytest.approx(whole, abs=INT8)
    assert ints != whole


def test_only_a_stochastic_model_can_compute_less(trained, tmp_path):
    with pytest.raises(FadError, match="--compute 2: the method LoRA has only one cost"):
        score.main(["--model", str(trained), "--compute", "2", str(tmp_path / "a.wav")])
