"""What an experiment and a dump hold, changed behind the program's back."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
import yaml

from fad.bin.score import main as score
from fad.bin.score_set import main as score_set
from fad.data.audio import read_audio
from fad.data.digests import digest_of
from fad.data.sources import AudioSource
from fad.dump.layout import ENCODER, FEATS, check_owner, is_complete
from fad.encoders.frame_grid import FrameGrid
from fad.utils.errors import FadError
from tests.helpers.experiment import train

from .fault import is_one_line
from .inputs import noise
from .malformed_audio import sound
from .model_inputs import experiment

GRID = FrameGrid(((32, 10, 5), (32, 3, 2)))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, mini_file, tiny_dump) -> Path:
    """An experiment of one epoch, one of two to come."""
    return train(
        tmp_path_factory.mktemp("exp") / "lora", mini_file, tiny_dump, "lora", "train.epochs=1"
    )


def changed_state(trained: Path, copy: Path, edit) -> Path:
    """A copy of the experiment whose checkpoint.pt is edited."""
    shutil.copytree(trained, copy)
    states = torch.load(copy / "checkpoint.pt", weights_only=True)
    edit(states)
    torch.save(states, copy / "checkpoint.pt")
    return copy


@pytest.mark.parametrize(
    ("what", "edit", "says"),
    [
        ("no optimizer", lambda s: s.pop("optimizer"), "not the state of this training; remove it"),
        ("an empty optimizer", lambda s: s.update(optimizer={}), "not the state of this training"),
        ("a list of weights", lambda s: s.update(trained=[1]), "not the state of|does not fit"),
        ("no weights", lambda s: s.update(trained={}), "does not fit its config"),
        ("other progress", lambda s: s.update(progress={"era": 3}), "damaged; remove it to train"),
    ],
)
def test_a_state_of_another_training_is_refused(
    what, edit, says, trained, tmp_path, mini_file, tiny_dump
):
    exp = changed_state(trained, tmp_path / "exp", edit)
    before = (exp / "best.safetensors").read_bytes()
    with pytest.raises(FadError, match=f"checkpoint.pt: .*({says})") as caught:
        train(exp, mini_file, tiny_dump, "lora", "train.epochs=1")
    assert is_one_line(str(caught.value))
    assert (exp / "best.safetensors").read_bytes() == before


@pytest.mark.parametrize("pretrained", ["none", 5, None, {"path": "x"}])
def test_an_edited_config_of_an_experiment_is_shown_and_refused(
    pretrained, trained, tmp_path, mini_file, tiny_dump
):
    shutil.copytree(trained, tmp_path / "exp")
    path = tmp_path / "exp/config.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "pretrained": pretrained}))
    with pytest.raises(FadError, match="was made with another config or other data; give another"):
        train(tmp_path / "exp", mini_file, tiny_dump, "lora", "train.epochs=1")


def nan_weights(state: dict[str, torch.Tensor]) -> None:
    state["backend.classify.bias"][0] = torch.nan


def test_a_score_that_is_no_number_is_not_given(tmp_path, capsys, caplog):
    exp = experiment(weights=nan_weights)(tmp_path)
    clip = sound("clip.wav", noise())(tmp_path)
    with pytest.raises(FadError, match=r"1 of 1 files have no score"):
        score(["--model", exp, str(clip)])
    assert "clip.wav: its score is nan" in caplog.text
    assert "nan" not in capsys.readouterr().out


def test_scores_that_are_no_numbers_are_not_written(tmp_path, tiny_dump):
    exp = experiment(weights=nan_weights)(tmp_path)
    audio, out = tiny_dump / "audio/dev", tmp_path / "scores/dev"
    with pytest.raises(FadError, match=r"dev-000: its score is nan \(1 of 1 are not finite\)"):
        score_set(["--model", exp, "--audio", str(audio), "--out", str(out)])
    assert not list(tmp_path.rglob("*dev*"))


def test_audio_that_changed_after_stage_2_is_named(tmp_path):
    path = sound("clip.wav", noise(5))(tmp_path)
    (tmp_path / "wav.scp").write_text(f"u {path}\n")
    (tmp_path / "utt2num_samples").write_text("u 80000\n")
    (tmp_path / "utt2digest").write_text(f"u {digest_of(read_audio(tmp_path / 'clip.wav'))}\n")
    source = AudioSource(tmp_path, GRID, True)
    assert len(source.load(0)) == 80_000
    sf.write(path, np.tile(noise(5), 2), 16_000)
    with pytest.raises(FadError, match=r"clip.wav: not the audio that stage 2 read: run stage 2"):
        source.load(0)


def test_audio_of_the_same_length_and_size_is_other_audio(tmp_path):
    path = sound("clip.wav", noise(1))(tmp_path)
    (tmp_path / "wav.scp").write_text(f"u {path}\n")
    (tmp_path / "utt2num_samples").write_text("u 16000\n")
    (tmp_path / "utt2digest").write_text(f"u {digest_of(read_audio(path))}\n")
    source, before = AudioSource(tmp_path, GRID, True), path.stat()
    source.load(0)
    sf.write(path, noise(1)[::-1], 16_000)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    for read in (source.load, lambda index: source.load_crop(index, 0, 5)):
        with pytest.raises(FadError, match=r"clip.wav: not the audio that stage 2 read"):
            read(0)


@pytest.mark.parametrize("content", ["", '{"sha256": ', "[1]", "null", '"text"'])
def test_a_description_of_frames_that_is_damaged_means_they_are_made_anew(tmp_path, content):
    (tmp_path / FEATS).touch()
    (tmp_path / ENCODER).write_text(json.dumps({"sha256": "a"}))
    assert is_complete(tmp_path, {"sha256": "a"})
    (tmp_path / ENCODER).write_text(content)
    assert not is_complete(tmp_path, {"sha256": "a"})


@pytest.mark.parametrize("sha256", [None, 5, "b"])
def test_frames_of_another_file_are_refused_whatever_they_call_it(tmp_path, sha256):
    (tmp_path / FEATS).touch()
    (tmp_path / ENCODER).write_text(json.dumps({"sha256": sha256}))
    with pytest.raises(FadError, match="has the frames of another pre-trained file"):
        check_owner(tmp_path, {"sha256": "a"})
