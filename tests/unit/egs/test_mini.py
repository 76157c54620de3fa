"""The mini corpus: the same speech every time, spoofs that are copies, and its encoder."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fad.data.tables import read_table
from fad.encoders.checkpoint import load_xlsr, read_checkpoint

ROOT = Path(__file__).resolve().parents[3]
MINI = ROOT / "egs" / "mini"


@pytest.fixture
def vocoders(monkeypatch):
    monkeypatch.syspath_prepend(str(MINI / "local"))
    import vocoders

    return vocoders


@pytest.fixture(scope="module")
def corpora(tmp_path_factory, mini_data) -> list[Path]:
    """One language of the corpus, made by stage 1 for many tests and by a process of its own."""
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    (first / "audio").symlink_to(mini_data / "audio")
    (first / "data").symlink_to(mini_data)
    command = [sys.executable, str(MINI / "local" / "prepare.py"), "--languages", "1"]
    command += ["--audio", str(second / "audio"), "--out", str(second / "data")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return [first, second]


def digests(folder: Path) -> dict[str, str]:
    files = sorted((folder / "audio").rglob("*.flac"))
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_the_same_bytes_every_time(corpora):
    first, second = map(digests, corpora)
    assert len(first) == 32 + 14 + 30
    assert first == second


def test_two_attacks_are_in_eval_alone_and_no_speaker_is_in_two_sets(corpora):
    data = corpora[0] / "data"
    attacks = {
        s: {a.removeprefix("mini/") for a in read_table(data / s / "utt2attack").values()}
        for s in ("train", "dev", "eval")
    }
    seen = {"-", "griffinlim", "world", "lpc"}
    assert attacks["train"] == attacks["dev"] == seen
    assert attacks["eval"] - seen == {"melgriffinlim", "worldnoise"}
    speakers = [set(read_table(data / s / "spk2utt")) for s in ("train", "dev", "eval")]
    langs = read_table(data / "eval" / "utt2lang")
    assert all(
        speaker.startswith(f"{langs[utt]}+")
        for utt, speaker in read_table(data / "eval" / "utt2spk").items()
    )
    assert not (speakers[0] & speakers[1] or speakers[0] & speakers[2] or speakers[1] & speakers[2])


def test_all_speakers_of_the_whole_corpus_are_different(monkeypatch):
    monkeypatch.syspath_prepend(str(MINI / "local"))
    import prepare
    from text import PHRASES

    cast = prepare.cast_voices(list(PHRASES), seed=1)
    names = [voice.name for voices in cast.values() for voice in voices]
    assert [len(voices) for voices in cast.values()] == [32, 16, 24]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ["griffinlim", "world", "lpc", "melgriffinlim", "worldnoise"])
def test_a_copy_keeps_length_level_and_envelope_but_not_the_samples(vocoders, name):
    """A gliding tone with harmonics and a swell, the nearest to a voice that has a formula."""
    time = np.arange(24000) / 16000
    phase = 2 * np.pi * np.cumsum(120 + 20 * time) / 16000
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    swell = 0.05 + np.sin(np.pi * time / 1.5) ** 2
    wav = (0.1 * voice * swell).astype(np.float32)
    made = vocoders.copy_synthesis(name, wav, np.random.default_rng(0))
    assert made.shape == wav.shape and made.dtype == np.float32
    assert np.isfinite(made).all()
    assert np.isclose(np.std(made), np.std(wav), rtol=0.05)
    levels = [np.sqrt(np.mean(np.square(x.reshape(-1, 800)), axis=1)) for x in (wav, made)]
    assert np.corrcoef(*levels)[0, 1] > 0.8
    assert abs(np.corrcoef(wav, made)[0, 1]) < 0.99
    again = vocoders.copy_synthesis(name, wav, np.random.default_rng(0))
    np.testing.assert_array_equal(made, again)


def test_the_shipped_encoder_has_the_shape_of_xlsr_and_finite_weights():
    path = MINI / "pretrained" / "mini_xlsr.pt"
    assert path.stat().st_size < 8_000_000
    checkpoint = read_checkpoint(path)
    assert checkpoint.num_parameters == 2_416_896
    assert checkpoint.normalize
    encoder = load_xlsr(checkpoint)
    assert (encoder.dim, encoder.num_layers) == (192, 4)
    assert (encoder.grid.hop, encoder.grid.window) == (320, 400)
    assert all(bool(value.isfinite().all()) for value in encoder.parameters())
