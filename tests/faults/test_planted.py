"""Each guard, taken away, makes the test of its malformed input fail: so those tests can fail.

A line names what is guarded, the malformed input that needs it, and how the guard is removed. What
a hostile input then does is to create its canary, in the folder of the test.
"""

import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from fad.config import plain_yaml, registry
from fad.config import resolve as config
from fad.config import train as settings
from fad.data import audio, corpus, lines, tables
from fad.dump import arks
from fad.dump import audio as audio_dump
from fad.dump import sources as frame_sources
from fad.encoders import checkpoint, fairseq_checkpoint, fairseq_xlsr, huggingface, pickled
from fad.models import detector
from fad.train import checkpointing

from . import planted_scores
from .corpus import BY_NAME
from .fault import CANARY, Hostile, check
from .planting import Planted, both, does_nothing, put, same
from .test_bad_clips import dump, spoil

unsafe_load = torch.load


def load_all(path: Any, **how: Any) -> Any:
    """torch.load as it was before `weights_only`."""
    return unsafe_load(path, **(how | {"weights_only": False, "mmap": False}))


def eval_layers(text: str, path: Path) -> tuple:
    """What fairseq does with conv_feature_layers."""
    return tuple(eval(text))


def unpickle_ark(entry: str, *_: object) -> np.ndarray:
    """What kaldiio does with an ark that holds a pickle."""
    name, _, offset = entry.rpartition(":")
    return pickle.loads(Path(name).read_bytes()[int(offset) :])


def with_pack(pack: Callable[..., bytes]) -> SimpleNamespace:
    """The module struct with another `pack`, for one module: pytest-xdist needs the real one."""
    return SimpleNamespace(**{**vars(struct), "pack": pack})


UNSAFE_YAML = both(
    put(plain_yaml, "parse_yaml", yaml.unsafe_load), put(config, "parse_yaml", yaml.unsafe_load)
)
PLANTED = [
    *planted_scores.PLANTED,
    Planted(
        "weights_only of a checkpoint",
        "hostile: a pickle bomb in cfg, zip",
        put(pickled.torch, "load", load_all),
    ),
    Planted(
        "weights_only before zip",
        "hostile: a pickle bomb in model, before zip",
        put(pickled.torch, "load", load_all),
    ),
    Planted(
        "weights_only of Hugging Face's file",
        "hostile: a bomb as pytorch_model.bin of Hugging Face",
        put(pickled.torch, "load", load_all),
    ),
    Planted(
        "weights_only of checkpoint.pt",
        "hostile: a bomb as checkpoint.pt, zip",
        put(checkpointing.torch, "load", load_all),
    ),
    Planted(
        "conv_feature_layers is parsed, not run",
        "hostile: conv_feature_layers is a command, for xlsr",
        put(fairseq_checkpoint, "parse_conv_layers", eval_layers),
    ),
    Planted(
        "conv_feature_layers for fairseq",
        "hostile: conv_feature_layers is a lambda, for fairseq",
        put(fairseq_checkpoint, "parse_conv_layers", eval_layers),
    ),
    Planted(
        "a Hugging Face index stays in its folder",
        "hostile: a Hugging Face index that climbs",
        put(huggingface, "_parts", lambda index: (index.parent / "x.bin",)),
    ),
    Planted(
        "the safe YAML loader",
        "hostile: a tag that applies in a config",
        UNSAFE_YAML,
    ),
    Planted(
        "the safe YAML loader, for --set",
        "hostile: a tag in --set",
        UNSAFE_YAML,
    ),
    Planted(
        "no aliases in YAML",
        "config: a billion laughs",
        put(plain_yaml, "_PlainLoader", yaml.SafeLoader),
    ),
    Planted(
        "no key twice in YAML",
        "config: with a key that comes twice",
        put(plain_yaml, "_PlainLoader", yaml.SafeLoader),
    ),
    Planted(
        "no recursion error of YAML",
        "config: 20,000 brackets deep",
        put(plain_yaml, "NOT_PLAIN", (yaml.YAMLError, ValueError)),
    ),
    Planted(
        "no pipe in wav.scp",
        "hostile: wav.scp has 'touch CANARY |'",
        put(tables, "check_no_pipe", does_nothing),
    ),
    Planted(
        "no pickle in an ark",
        "hostile: an ark that is a pickle",
        put(frame_sources, "read_matrix", unpickle_ark),
    ),
    Planted(
        "an ark's type",
        "frames: doubles",
        put(
            arks, "struct", with_pack(lambda form, _, *sizes: struct.pack(form, b"\0BDM ", *sizes))
        ),
    ),
    Planted("ids", "hostile: an id with a command", put(tables, "check_id", same)),
    Planted("ids of attacks", "data: an attack with a slash", put(tables, "check_id", same)),
    Planted(
        "control characters in tables",
        "table: an escape for terminals",
        put(lines, "CONTROL", lines.re.compile("(?!)")),
    ),
    Planted("a table's order", "data: unsorted", put(tables, "_check_sorted", does_nothing)),
    Planted("labels", "data: an unknown label", put(tables, "check_label", does_nothing)),
    Planted("key sets", "data: a key too few", put(tables, "check_same_keys", does_nothing)),
    Planted(
        "attacks fit labels",
        "data: a spoof without attack",
        put(tables, "_check_attacks", does_nothing),
    ),
    Planted(
        "spk2utt is the inverse",
        "data: spk2utt not the inverse",
        put(tables, "_check_speakers", does_nothing),
    ),
    Planted("lengths", "data: zero samples", put(tables, "check_length", does_nothing)),
    Planted("a cut WAV", "audio: a cut WAV", put(audio, "missing_bytes", lambda log: 0)),
    Planted("a cut MP3", "audio: a cut MP3", put(audio, "says_its_length", lambda *_: False)),
    Planted("NaN in audio", "audio: one NaN", put(audio.np, "isfinite", np.ones_like)),
    Planted("rates", "audio: a rate of 1 Hz", put(audio, "RATES", (0, 2**40))),
    Planted(
        "hours",
        "audio: five hours of silence in 60 kB",
        both(put(audio, "MAX_HOURS", 99), put(audio, "resample", same)),
    ),
    Planted("regular files", "audio: missing", put(audio, "is_file", lambda path: True)),
    Planted(
        "no playlist",
        "hostile: a list to concatenate named like audio",
        put(audio, "_AV_OPTIONS", {"options": {"safe": "0"}}),
    ),
    Planted(
        "clips in each set of a corpus",
        "custom: a set without a clip",
        put(corpus, "_check_classes", does_nothing),
    ),
    Planted(
        "audio files of a corpus",
        "custom: a protocol with a missing clip",
        put(corpus, "_check_files", does_nothing),
    ),
    Planted(
        "tensors are in the file",
        "checkpoint: an absent tensor",
        put(checkpoint, "check_tensors", does_nothing),
    ),
    Planted(
        "sizes are no larger than the file",
        "checkpoint: encoder_ffn_embed_dim of another model, for fairseq",
        put(fairseq_xlsr, "_fits_the_file", lambda *_: True),
    ),
    Planted(
        "sizes of a transformer",
        "checkpoint: encoder_layers is True",
        put(
            checkpoint,
            "checked_sizes",
            lambda found: {key: int(found.model_cfg[key]) for key in checkpoint_sizes()},
        ),
    ),
    Planted(
        "the sha256 of the base",
        "model: its base is another file",
        put(
            detector,
            "pretrained_sha256",
            lambda path: json.loads(_metadata(path)["fad"])["base_sha256"],
        ),
    ),
    Planted(
        "the names of weights",
        "model: a weight too many",
        put(detector.Detector, "load_trained_state", does_nothing),
    ),
    Planted(
        "keys of a config",
        "config: with a method's unknown key",
        put(config, "check_keys", does_nothing),
    ),
    Planted(
        "keys of a model's config",
        "model: a config with another key",
        put(registry, "check_keys", does_nothing),
    ),
    Planted(
        "numbers of a config",
        "--set train.lr=.nan",
        put(settings.TrainSettings, "from_config", lambda train: settings.TrainSettings(**train)),
    ),
]


def checkpoint_sizes() -> tuple[str, ...]:
    from fad.encoders.pretrained import SIZES

    return SIZES


def _metadata(base: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(base.parent / "exp/best.safetensors", framework="pt") as file:
        return file.metadata()


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.guard)
def test_without_its_guard_the_check_fails(planted, tmp_path, monkeypatch):
    fault = BY_NAME[planted.fault]
    subject = fault.make(tmp_path)
    planted.remove(monkeypatch)
    # The check fails, or the input does what it does where nothing stops it.
    with pytest.raises(Exception) as caught:
        check(fault, subject, tmp_path)
    if isinstance(fault, Hostile):
        assert list(tmp_path.rglob(CANARY)) or "accepted" in str(caught.value)


def test_bad_clips_would_be_left_out_silently(tmp_path, monkeypatch):
    """Without the report of bad clips stage 2 would end well, and the dump lack them."""
    spoil(tmp_path, "a cut WAV")
    monkeypatch.setattr(audio_dump, "_report", does_nothing)
    dump(tmp_path)
    assert (tmp_path / "dump/wav.scp").exists()


def test_a_class_would_be_lost(tmp_path, monkeypatch):
    spoil(tmp_path)
    for name in "ac":
        (tmp_path / f"{name}.wav").write_bytes(b"")
    monkeypatch.setattr(audio_dump, "_check_classes", does_nothing)
    dump(tmp_path, "--on_error", "skip")
    assert (tmp_path / "dump/wav.scp").exists()
