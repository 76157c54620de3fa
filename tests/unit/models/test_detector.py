"""A detector from a config: built, saved, loaded, and what is refused."""

import hashlib
import json
import os
import shutil
import struct

import pytest
import torch
import yaml

from fad.config.resolve import dump_config, load_config
from fad.encoders.boundary import FRONTEND
from fad.models.detector import build_detector, load_detector, read_weights, save_detector
from fad.utils.errors import FadError
from fad.utils.files import sha256_file
from tests.helpers.contract import logits, padded_batch, train_steps


def build(mini_file, name: str = "lora", *overrides: str, seed: int = 0):
    torch.manual_seed(seed)
    return build_detector(load_config(name, list(overrides)), mini_file)


@pytest.fixture
def saved(mini_file, tmp_path):
    """A trained detector and the directory that it was saved in."""
    detector = build(mini_file)
    train_steps(detector)
    pretrained = {"path": str(mini_file), "sha256": sha256_file(mini_file)}
    text = dump_config({**load_config("lora"), "pretrained": pretrained})
    (tmp_path / "config.yaml").write_text(text)
    save_detector(detector, tmp_path / "best.safetensors", pretrained["sha256"])
    return detector.eval(), tmp_path


def test_what_is_loaded_scores_as_what_was_saved_and_is_in_eval(saved):
    detector, directory = saved
    loaded = load_detector(directory)
    assert not loaded.training
    assert torch.equal(logits(loaded), logits(detector))


def test_only_what_was_trained_is_saved(saved):
    detector, directory = saved
    state, sha256 = read_weights(directory / "best.safetensors")
    assert sorted(state) == sorted(detector.trained_state())
    constants = sum(value.numel() for value in detector.backend.buffers())
    saved_values = sum(value.numel() for value in state.values())
    assert saved_values == detector.count()["trainable"] + constants
    assert sha256 == sha256_file(
        yaml.safe_load((directory / "config.yaml").read_text())["pretrained"]["path"]
    )


def test_saving_again_gives_the_same_bytes(saved, tmp_path):
    detector, directory = saved
    first = (directory / "best.safetensors").read_bytes()
    for _ in range(4):
        save_detector(detector, tmp_path / "again", read_weights(directory / "best.safetensors")[1])
        assert (tmp_path / "again").read_bytes() == first


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_weights_may_be_read_by_whom_the_umask_says(saved, tmp_path, umask):
    before = os.umask(umask)
    try:
        save_detector(saved[0], tmp_path / "new.safetensors", "0" * 64)
    finally:
        os.umask(before)
    assert (tmp_path / "new.safetensors").stat().st_mode & 0o777 == 0o666 & ~umask


def test_weights_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(FadError, match=r"none.safetensors: not a file of trained weights"):
        read_weights(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("encoder_conf", {"x": 1}, "'xlsr' has no key 'x'"),
        ("loss_conf", {"x": 1}, "'weighted_ce' has no key 'x'"),
        ("adaptation_conf", [4], "'adaptation_conf' keys below it"),
        ("backend_conf", None, "'backend_conf' keys below it"),
        ("backend", ["pool"], "'backend' needs a name"),
        ("backend", "aasits", "backend: 'aasits' is unknown; did you mean 'aasist'"),
        ("pretrained", {"path": 5}, "not the config of an experiment"),
    ],
)
def test_an_edited_config_is_refused_with_its_key(saved, key, value, message):
    path = saved[1] / "config.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), key: value}))
    with pytest.raises(FadError, match=f"config.yaml: .*{message}"):
        load_detector(saved[1])


def test_entered_with_frames_the_logits_are_those_from_audio(mini_file):
    detector = build(mini_file).eval()
    wav, lens = padded_batch()
    with torch.no_grad():
        frames, frame_lens = detector.encoder.frontend(wav, lens)
        assert torch.equal(detector(frames, frame_lens, FRONTEND), detector(wav, lens))


def test_the_backend_is_built_for_the_wanted_layers(mini_file):
    assert build(mini_file, "frozen").backend.layer_weights.shape == (2,)
    last = build(mini_file, "frozen", "encoder_conf.layers=last")
    assert last.backend.layer_weights.shape == (1,)


def test_the_same_seed_builds_the_same_detector(mini_file):
    first, again, other = (build(mini_file, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_moved_pretrained_file_can_be_named(saved, tmp_path_factory, mini_file):
    detector, directory = saved
    moved = tmp_path_factory.mktemp("moved") / "elsewhere.pt"
    shutil.copy(mini_file, moved)
    config = yaml.safe_load((directory / "config.yaml").read_text())
    config["pretrained"]["path"] = "/nowhere/mini.pt"
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(FadError, match=r"/nowhere/mini.pt: .* say where with --pretrained"):
        load_detector(directory)
    assert torch.equal(logits(load_detector(directory, moved)), logits(detector))


def test_another_pretrained_file_is_refused(saved, tmp_path):
    from tests.helpers.released import MINI, write_random_checkpoint

    other = write_random_checkpoint(tmp_path / "other.pt", MINI, seed=9)
    with pytest.raises(FadError, match=r"other.pt: not the pre-trained file that .* trained with"):
        load_detector(saved[1], other)


@pytest.mark.parametrize("name", ["config.yaml", "best.safetensors"])
def test_a_missing_file_says_which_and_what_model_takes(saved, name):
    (saved[1] / name).unlink()
    with pytest.raises(FadError, match=rf"{name}: missing: --model takes an exp/<tag>"):
        load_detector(saved[1])


def test_weights_of_another_config_are_refused_by_name(saved):
    _, directory = saved
    text = (directory / "config.yaml").read_text()
    (directory / "config.yaml").write_text(text.replace("rank: 4", "rank: 2"))
    with pytest.raises(FadError, match=r"best.safetensors: does not fit.*lora_[AB]"):
        load_detector(directory)


@pytest.mark.parametrize("keep", [0, 5, 100, -4])
def test_weights_cut_short_are_refused(saved, keep):
    path = saved[1] / "best.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FadError, match=r"not a file of trained weights \(cut short\?\)"):
        load_detector(saved[1])


@pytest.mark.parametrize("metadata", [None, {}, {"fad": "text"}, {"fad": "{}"}, {"fad": "[1]"}])
def test_weights_of_another_program_are_refused(saved, metadata):
    header = {"__metadata__": metadata} if metadata is not None else {}
    text = json.dumps(header).encode()
    path = saved[1] / "best.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(FadError, match=r"best.safetensors: not a file of trained weights"):
        load_detector(saved[1])


@pytest.mark.parametrize("content", ["{}", "pretrained: 5\n", "encoder: xlsr\n", "a: [", ""])
def test_a_config_that_is_not_of_an_experiment_is_refused(saved, content):
    (saved[1] / "config.yaml").write_text(content)
    with pytest.raises(FadError, match=r"config.yaml: not"):
        load_detector(saved[1])


def test_names_too_many_and_too_few_are_refused_whatever_else_fits(mini_file):
    detector = build(mini_file)
    state = dict(detector.trained_state())
    with pytest.raises(FadError, match=r"here: does not fit its config; 1 differ.*extra"):
        detector.load_trained_state({**state, "extra": torch.zeros(1)}, "here")
    state.pop("backend.classify.bias")
    with pytest.raises(FadError, match=r"1 differ.*backend.classify.bias"):
        detector.load_trained_state(state, "here")


def test_a_wrong_config_is_refused_before_the_file_is_read(tmp_path):
    config = load_config("lora", ["adaptation_conf.rank=0"])
    with pytest.raises(FadError, match="rank is 0"):
        build_detector(config, tmp_path / "none.pt")


def test_the_pretrained_file_is_not_written_to(mini_file):
    before = hashlib.sha256(mini_file.read_bytes()).digest()
    train_steps(build(mini_file, "full"))
    assert hashlib.sha256(mini_file.read_bytes()).digest() == before
