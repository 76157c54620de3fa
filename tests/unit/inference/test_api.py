"""`fad.load`: the same scores as the program's, from files and from arrays."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

import fad
from fad.bin import score
from fad.data import tables
from fad.data.audio import read_audio
from fad.utils.errors import FadError


@pytest.fixture(scope="module")
def detector(trained):
    return fad.load(trained)


@pytest.fixture(scope="module")
def paths(tiny_dump):
    return list(tables.read_wav_scp(tiny_dump / "audio" / "dev" / "wav.scp").values())


def test_scores_are_the_programs(detector, trained, paths, capsys):
    score.main(["--model", str(trained), *paths])
    printed = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert {path: f"{found:.6f}" for path, found in detector.score_files(paths)} == printed


def test_an_array_scores_as_its_file_at_any_rate(detector, paths, tmp_path):
    wav = read_audio(paths[0])
    assert detector.score(wav) == detector.score(paths[0])
    soundfile.write(tmp_path / "slow.wav", wav, 8_000, subtype="FLOAT")
    assert detector.score(wav, rate=8_000) == detector.score(tmp_path / "slow.wav")


@pytest.mark.parametrize(
    ("audio", "says"),
    [
        (np.zeros((2, 100)), r"shape \(2, 100\)"),
        (np.zeros(0), r"shape \(0,\)"),
        (np.zeros(100, dtype=np.int16), "type int16"),
        (np.full(100, np.nan), "not finite"),
    ],
)
def test_an_array_that_is_no_audio_is_refused(detector, audio, says):
    with pytest.raises(FadError, match=says):
        detector.score(audio)


def test_a_device_that_there_is_not_is_refused(trained):
    with pytest.raises(FadError, match="device 'gpu': give a name that torch knows"):
        fad.load(trained, device="gpu")


def test_a_file_that_cannot_be_read_is_named(detector, tmp_path):
    (tmp_path / "a.wav").write_text("no audio")
    with pytest.raises(FadError, match=r"a\.wav"):
        list(detector.score_files([tmp_path / "a.wav"]))


def test_importing_fad_waits_for_nothing():
    code = (
        "import fad, sys; print('torch' in sys.modules, fad.load.__name__, 'torch' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert found == ["False", "load", "True"]


def test_what_is_offered_is_listed():
    assert {"load", "Scorer", "FadError"} <= set(dir(fad))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'lode'"):
        fad.lode  # noqa: B018
