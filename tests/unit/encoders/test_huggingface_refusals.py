"""Hugging Face's models that are refused, each with one line: other kinds, broken, hostile."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from fad.encoders.huggingface_config import CONVOLUTIONS
from fad.utils.errors import FadError
from tests.helpers.huggingface import (
    WEIGHTS,
    edit_json,
    huggingface_state,
    in_parts,
    respelt,
    transformers_config,
    write_huggingface,
    write_weights,
)
from tests.helpers.released import MINI, random_checkpoint

STATE = random_checkpoint(MINI)["model"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return write_huggingface(tmp_path_factory.mktemp("saved"), MINI, STATE)


@pytest.fixture
def folder(saved, tmp_path):
    return Path(shutil.copytree(saved, tmp_path / "model"))


def refused(path: Path, match: str) -> None:
    with pytest.raises(FadError, match=match) as caught:
        load_xlsr(read_checkpoint(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model_type", "hubert", r"model_type is 'hubert': only 'wav2vec2' is read"),
        ("model_type", "wavlm", "model_type is 'wavlm'"),
        ("model_type", "wav2vec2-conformer", "model_type is 'wav2vec2-conformer'"),
        ("model_type", ["wav2vec2"], r"model_type is \['wav2vec2'\]"),
        ("model_type", None, "model_type is None"),
        ("feat_extract_norm", "group", "feat_extract_norm is 'group'.*fairseq_xlsr"),
        ("feat_extract_norm", None, "feat_extract_norm is 'group'"),
        ("do_stable_layer_norm", False, "do_stable_layer_norm is False"),
        ("do_stable_layer_norm", 1, "do_stable_layer_norm is 1"),
        ("do_stable_layer_norm", "true", "do_stable_layer_norm is 'true'"),
        ("hidden_act", "gelu_new", "hidden_act is 'gelu_new'"),
        ("feat_extract_activation", "relu", "feat_extract_activation is 'relu'"),
        ("layer_norm_eps", 1e-6, "layer_norm_eps is 1e-06"),
        ("layer_norm_eps", "1e-5", "layer_norm_eps is '1e-5'"),
        ("conv_bias", "yes", "conv_bias is 'yes', not true or false"),
        ("hidden_size", "48", "hidden_size is '48', not a whole number"),
        ("hidden_size", 48.0, "hidden_size is 48.0, not a whole number"),
        ("hidden_size", True, "hidden_size is True, not a whole number"),
        ("hidden_size", 50, "not one of a transformer"),
        ("hidden_size", 96, "do not fit its config"),
        ("num_hidden_layers", 10**9, "num_hidden_layers is 1000000000, not"),
        ("num_hidden_layers", 10**90, "num_hidden_layers is 1000"),
        ("num_hidden_layers", 60_000, "not one of a transformer"),
        ("num_hidden_layers", 0, "num_hidden_layers is 0"),
        ("num_attention_heads", -4, "num_attention_heads is -4"),
        ("num_attention_heads", 5, "not one of a transformer"),
        ("num_conv_pos_embedding_groups", [4], r"embedding_groups is \[4\]"),
        ("num_conv_pos_embeddings", {"a": 1}, "conv_pos_embeddings is {'a': 1}"),
        ("conv_dim", [32] * 6, "convolutions are not lists of one length"),
        ("conv_dim", [32] * 6 + [0], "convolutions are not lists of one length"),
        ("conv_dim", "32", "convolutions are not lists of one length"),
        ("conv_kernel", [10**12] * 7, "convolutions are not lists of one length"),
        ("conv_kernel", [[3]] * 7, "convolutions are not lists of one length"),
        ("conv_stride", [5, 2, 2, 2, 2, 2, 2.5], "convolutions are not lists of one length"),
    ],
)
def test_other_models_and_hostile_values_are_refused(folder, key, value, message):
    edit_json(folder / "config.json", **{key: value})
    refused(folder, message)


def test_convolutions_without_end_are_refused(folder):
    edit_json(folder / "config.json", **{key: [2] * 10_000 for key in CONVOLUTIONS})
    refused(folder, "at most 32")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not readable as JSON"),
        ('{"model_type": "wav2vec2"', "not readable as JSON"),
        ("[1, 2]", "expected a JSON object"),
        ('"text"', "expected a JSON object"),
        ('{"hidden_size": NaN}', "not readable as JSON: NaN is not a number"),
        ('{"hidden_size": -Infinity}', "not readable as JSON: -Infinity is not a number"),
        ('{"hidden_size": ' + "9" * 5000 + "}", "not readable as JSON"),
        ("[" * 100_000, "not readable as JSON"),
        ('{"a": "' + "x" * 2**24 + '"}', "not readable as JSON: over 16,777,216 bytes"),
    ],
    ids=lambda text: text[:20],
)
@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_broken_json_is_refused_by_name(folder, name, text, message):
    (folder / name).write_text(text)
    refused(folder, f"model/{name}: {message}")


def test_json_that_is_not_text_is_refused(folder):
    (folder / "config.json").write_bytes(b"\xff\xfe{}")
    refused(folder, "config.json: not readable as JSON")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("do_normalize", "true", "do_normalize is 'true', not true or false"),
        ("do_normalize", 1, "do_normalize is 1, not true or false"),
        ("feature_extractor", [1], r"feature_extractor is \[1\], not a JSON object"),
        ("sampling_rate", 8000, "sampling_rate is 8000: only 16000"),
        ("sampling_rate", "16000", "sampling_rate is '16000'"),
    ],
)
def test_a_preprocessor_that_cannot_be_followed_is_refused(folder, key, value, message):
    edit_json(folder / "preprocessor_config.json", **{key: value})
    refused(folder, f"preprocessor_config.json: {message}")


def test_weights_alone_say_what_to_put_beside_them(folder):
    (folder / "config.json").unlink()
    for given in (folder, folder / WEIGHTS):
        with pytest.raises(FadError, match=r"safetensors: put the model's config.json beside it"):
            read_checkpoint(given)


def test_a_folder_without_weights_says_what_it_may_be(folder):
    (folder / WEIGHTS).unlink()
    refused(folder, "has no model.safetensors or pytorch_model.bin: give .* fairseq .pt file")
    refused(folder / WEIGHTS, "no such pre-trained file or folder")


def test_a_missing_tensor_or_one_too_many_is_refused_by_name(folder):
    state = huggingface_state(STATE)
    name = "wav2vec2.encoder.layers.1.attention.k_proj.bias"
    write_weights(folder, {k: v for k, v in state.items() if k != name}, "safetensors")
    refused(folder, "do not fit its config.*encoder.layers.1.self_attn.k_proj.bias")
    for extra in ("wav2vec2.encoder.layers.0.attention.scale", "wav2vec2.encoder.layers.00.x.bias"):
        save_file({**state, extra: torch.zeros(1)}, folder / WEIGHTS)
        refused(folder, f"{re.escape(extra)}' is not a tensor of a wav2vec 2.0 model")
    save_file(
        {**state, "wav2vec2.encoder.layers.2.layer_norm.bias": torch.zeros(48)}, folder / WEIGHTS
    )
    refused(folder, "do not fit its config.*encoder.layers.2.self_attn_layer_norm.bias")


def test_a_tensor_in_both_spellings_is_refused(folder):
    state = huggingface_state(STATE)
    write_weights(folder, state | respelt(state), "bin")
    refused(folder, "two tensors for one, the second is '.*weight_[gv]'")


def test_language_adapters_are_refused_with_the_reason(folder):
    from transformers import Wav2Vec2ForCTC

    model = Wav2Vec2ForCTC(transformers_config(MINI, adapter_attn_dim=4))
    model.save_pretrained(folder)
    refused(folder, "language adapters in its blocks .*adapter_layer.*take the pre-trained one")


def test_integers_for_weights_are_refused(folder):
    state = {k: v.to(torch.int8) for k, v in huggingface_state(STATE).items()}
    write_weights(folder, state, "safetensors")
    refused(folder, "is of type torch.int8: weights must be float32")


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.5, 0.999])
@pytest.mark.parametrize("kind", ["safetensors", "bin", "old bin"])
def test_weights_cut_short_are_refused(folder, kind, share):
    path = write_weights(folder, huggingface_state(STATE), kind)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(path, r"not a readable checkpoint \(cut short\?")


def test_damaged_heads_end_in_one_line_or_a_working_model(folder):
    whole, generator = (folder / WEIGHTS).read_bytes(), torch.Generator().manual_seed(0)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in torch.randint(6000, (3,), generator=generator).tolist():
            damaged[place] ^= 0x5A
        (folder / WEIGHTS).write_bytes(damaged)
        try:
            load_xlsr(read_checkpoint(folder))
        except FadError as error:
            assert str(error).startswith(str(folder))


@pytest.mark.parametrize(
    "content", [{"model": {"a": torch.zeros(1)}}, [1], {"a": 1}, {1: torch.zeros(1)}]
)
def test_other_content_is_not_hugging_faces(folder, content):
    (folder / WEIGHTS).unlink()
    torch.save(content, folder / "pytorch_model.bin")
    refused(folder, "pytorch_model.bin: holds more than named tensors.*needs a name in .pt")


class Bomb:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused(folder, tmp_path, zipped):
    canary = tmp_path / "canary"
    (folder / WEIGHTS).unlink()
    content = huggingface_state(STATE) | {"x": Bomb(canary)}
    path = folder / "pytorch_model.bin"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    refused(folder, "would run code.*(posix|nt).system")
    assert not canary.exists()
    torch.load(path, weights_only=False)  # it works where nothing stops it
    assert canary.exists()


def test_code_that_lies_in_the_folder_is_not_run(folder, tmp_path):
    canary = tmp_path / "canary"
    for name in ("modeling.py", "configuration.py", "__init__.py", "transformers.py"):
        (folder / name).write_text(f"open({str(canary)!r}, 'w')\n")
    edit_json(folder / "config.json", auto_map={"AutoModel": "modeling.Model"})
    load_xlsr(read_checkpoint(folder))
    assert not canary.exists()


# Models in parts.


@pytest.mark.parametrize(
    "name",
    ["../outside.bin", "/etc/passwd", "..", ".", "", "sub/a.bin", "a.bin/", "a.py"],
)
def test_an_index_cannot_name_files_elsewhere(folder, name):
    index = in_parts(folder, huggingface_state(STATE), "a.bin", "b.bin")
    (folder / "sub").mkdir()
    for place in (folder.parent / "outside.bin", folder / "sub" / "a.bin", folder / "a.py"):
        shutil.copy(folder / "a.bin", place)
    listed = json.loads(index.read_text())["weight_map"]
    index.write_text(json.dumps({"weight_map": listed | {"x": name}}))
    refused(index, "lists .*, which is no weights file beside it")


@pytest.mark.parametrize("listed", [None, {}, [], {"a": 1}, {"a": None}, "text"])
def test_an_index_without_a_map_is_refused(folder, listed):
    index = in_parts(folder, huggingface_state(STATE), "a.bin")
    index.write_text(json.dumps({"weight_map": listed}))
    refused(index, "has no 'weight_map'")


def test_a_missing_part_is_named(folder):
    index = in_parts(folder, huggingface_state(STATE), "a.bin", "b.bin")
    (folder / "b.bin").unlink()
    refused(index, "lists 'b.bin', which is missing: fetch it too")


def test_a_tensor_in_two_parts_is_refused(folder):
    in_parts(folder, huggingface_state(STATE), "a.bin", "b.bin")
    shutil.copy(folder / "a.bin", folder / "b.bin")
    refused(folder, "b.bin: has '.*', as another part of the model does")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda name: f"base_model.model.{name}", "PEFT's name: merge it"),
        (lambda name: name.replace("q_proj.", "q_proj.base_layer."), "PEFT's name: merge it"),
        (lambda name: f"module.{name}", "DataParallel's: save model.module"),
    ],
)
def test_wrapped_models_are_named_with_a_remedy(folder, change, says):
    state = {change(name): value for name, value in huggingface_state(STATE).items()}
    (folder / WEIGHTS[0]).unlink(missing_ok=True)
    save_file({k: v.contiguous().clone() for k, v in state.items()}, folder / "model.safetensors")
    refused(folder, says)


def test_a_folder_with_only_an_adapter_is_peft_s(folder):
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    refused(folder, "PEFT's adapter without its model: merge it")
