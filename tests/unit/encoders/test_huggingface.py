"""Reading Hugging Face's models: the kinds of files there are, and what identifies them."""

import json
import logging
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fad.encoders.checkpoint import load_xlsr, pretrained_sha256, read_checkpoint
from fad.encoders.huggingface_config import CONVOLUTIONS, NEEDED, SIZES
from fad.utils.errors import FadError
from tests.helpers.contract import padded_batch
from tests.helpers.huggingface import (
    NEW_SPELLING,
    WEIGHTS,
    edit_json,
    huggingface_state,
    in_parts,
    respelt,
    transformers_model,
    write_huggingface,
    write_weights,
)
from tests.helpers.released import MINI, random_checkpoint

STATE = random_checkpoint(MINI)["model"]
ENCODER = {
    name: value
    for name, value in STATE.items()
    if not name.startswith(("quantizer", "project_q", "final_proj"))
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return write_huggingface(tmp_path_factory.mktemp("saved"), MINI, STATE)


@pytest.fixture
def folder(saved, tmp_path):
    return Path(shutil.copytree(saved, tmp_path / "model"))


@pytest.fixture(scope="module")
def expected(mini_file):
    return outputs(mini_file)


def outputs(path: Path | str) -> list[torch.Tensor]:
    with torch.no_grad():
        return load_xlsr(read_checkpoint(path)).eval()(*padded_batch())[0]


def same(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


# The kinds of files.


@pytest.mark.parametrize("kind", ["safetensors", "bin", "old bin"])
@pytest.mark.parametrize("spelling", ["new", "old"])
@pytest.mark.parametrize("prefix", ["wav2vec2.", ""])
def test_all_spellings_in_all_files_are_the_same_model(folder, expected, kind, spelling, prefix):
    state = huggingface_state(STATE, prefix)
    assert any(name.endswith(NEW_SPELLING) for name in state)
    if spelling == "old":
        state = respelt(state)
        assert not any(name.endswith(NEW_SPELLING) for name in state)
    weights = write_weights(folder, state, kind)
    for given in (folder, str(folder), f"{folder}/", weights):
        assert same(outputs(given), expected)


def test_a_folder_saved_from_the_bare_model_has_no_pre_training_parts(tmp_path, expected):
    folder = write_huggingface(tmp_path, MINI, STATE, heads=False)
    names = load_file(folder / WEIGHTS)
    assert not any(name.startswith("wav2vec2.") for name in names)
    checkpoint = read_checkpoint(folder)
    assert same(outputs(folder), expected)
    assert checkpoint.num_parameters == sum(value.numel() for value in ENCODER.values())


def test_the_head_of_a_model_for_ctc_is_left_out_and_the_log_says_so(folder, expected, caplog):
    from transformers import Wav2Vec2ForCTC

    base = transformers_model(MINI, STATE, heads=False)
    model = Wav2Vec2ForCTC(base.config)
    model.wav2vec2.load_state_dict(base.state_dict())
    model.save_pretrained(folder)
    with caplog.at_level(logging.INFO):
        assert same(outputs(folder), expected)
    assert f"{folder}: not used: lm_head.bias, lm_head.weight" in caplog.text


@pytest.mark.parametrize("prefix", ["wav2vec2.", ""])
def test_heads_of_other_classes_are_left_out(folder, expected, prefix):
    state = huggingface_state(ENCODER, prefix)
    heads = ("classifier.weight", "projector.bias", "layer_weights", "tdnn.0.kernel.weight")
    state |= dict.fromkeys((*heads, f"{prefix}adapter.layers.0.conv.weight"), torch.zeros(2))
    write_weights(folder, state, "bin")
    assert same(outputs(folder), expected)


def test_a_model_in_parts_as_transformers_saves_it(tmp_path, expected):
    model = transformers_model(MINI, STATE)
    model.save_pretrained(tmp_path, max_shard_size="100KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    for given in (tmp_path, tmp_path / "model.safetensors.index.json"):
        assert same(outputs(given), expected)


def test_a_model_in_parts_of_bin(folder, expected):
    state = huggingface_state(STATE)
    in_parts(folder, state, "a.bin", "b.bin")
    assert same(outputs(folder), expected)


def test_links_into_a_cache_are_followed_and_the_config_lies_beside_the_link(
    folder, tmp_path, expected
):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    folder.rename(blobs)
    snapshot.mkdir()
    for file in blobs.iterdir():
        (snapshot / file.name).symlink_to(file)
        file.rename(file.with_name("0123" + file.name[:2]))
        (snapshot / file.name).unlink()
        (snapshot / file.name).symlink_to(file.with_name("0123" + file.name[:2]))
    assert same(outputs(snapshot), expected)
    assert same(outputs(snapshot / WEIGHTS), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_becomes_float32(folder, dtype):
    state = {name: value.to(dtype) for name, value in huggingface_state(STATE).items()}
    write_weights(folder, state, "safetensors")
    encoder = load_xlsr(read_checkpoint(folder))
    for name, value in encoder.named_parameters():
        assert value.dtype == torch.float32
        assert torch.equal(value, STATE[name].to(dtype).float())


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="needs Linux's /proc/self/maps")
@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_float32_weights_are_used_where_they_lie_in_the_mapped_file(folder, kind):
    path = write_weights(folder, huggingface_state(STATE), kind)
    encoder = load_xlsr(read_checkpoint(folder))
    ranges = [
        [int(end, 16) for end in line.split()[0].split("-")]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if line.endswith(str(path))
    ]
    assert ranges
    for name, value in encoder.named_parameters():
        assert any(low <= value.data_ptr() < high for low, high in ranges), name


# Config and preprocessor.


def test_keys_that_are_left_out_have_transformers_defaults():
    from transformers import Wav2Vec2Config

    theirs = Wav2Vec2Config()
    defaults = {key: default for key, (_, default) in (SIZES | NEEDED).items()}
    for key, value in (defaults | CONVOLUTIONS | {"conv_bias": False}).items():
        found = getattr(theirs, key)
        assert (list(found) if isinstance(value, list) else found) == value, key


def test_keys_of_no_use_and_defaults_left_out_do_no_harm(folder, expected):
    edit_json(
        folder / "config.json", hidden_act=None, layer_norm_eps=None, vocab_size="x", other=[1]
    )
    edit_json(folder / "config.json", auto_map={"AutoModel": "evil.py--Model"}, architectures=None)
    assert same(outputs(folder), expected)


@pytest.mark.parametrize("flag", [True, False])
def test_the_normalize_flag_is_the_preprocessors(folder, flag):
    edit_json(folder / "preprocessor_config.json", do_normalize=flag)
    assert read_checkpoint(folder).normalize is flag
    assert load_xlsr(read_checkpoint(folder / WEIGHTS)).normalize is flag


def test_a_processor_that_has_the_extractor_inside_is_read(folder):
    extractor = json.loads((folder / "preprocessor_config.json").read_text())
    inside = json.dumps({"feature_extractor": extractor | {"do_normalize": False}})
    (folder / "processor_config.json").write_text(inside)
    assert read_checkpoint(folder).normalize is True  # the extractor's own file comes first
    before = pretrained_sha256(folder)
    (folder / "preprocessor_config.json").unlink()
    assert read_checkpoint(folder).normalize is False
    assert pretrained_sha256(folder) != before


def test_without_the_flag_audio_is_normalised_and_the_log_says_why(folder, caplog):
    edit_json(folder / "preprocessor_config.json", do_normalize=None)
    assert read_checkpoint(folder).normalize is True
    (folder / "preprocessor_config.json").unlink()
    with caplog.at_level(logging.INFO):
        assert read_checkpoint(folder).normalize is True
    assert "no preprocessor_config.json: audio is normalised, as in the pre-tr" in caplog.text


# Identity.


def test_the_identity_is_that_of_all_files_that_are_read(folder):
    before = pretrained_sha256(folder)
    assert re.fullmatch("[0-9a-f]{64}", before)
    assert pretrained_sha256(folder / WEIGHTS) == before
    moved = folder.rename(folder.with_name("moved"))
    assert pretrained_sha256(f"{moved}/") == before
    (moved / "README.md").write_text("not read")
    assert pretrained_sha256(moved) == before
    seen = {before}
    edit_json(moved / "config.json", num_attention_heads=2)
    seen.add(pretrained_sha256(moved))
    edit_json(moved / "preprocessor_config.json", do_normalize=False)
    seen.add(pretrained_sha256(moved))
    (moved / "preprocessor_config.json").unlink()
    seen.add(pretrained_sha256(moved))
    write_weights(moved, huggingface_state(random_checkpoint(MINI, 1)["model"]), "safetensors")
    seen.add(pretrained_sha256(moved))
    assert len(seen) == 5


def test_the_identity_covers_every_part(folder):
    in_parts(folder, huggingface_state(STATE), "a.bin", "b.bin", "c.bin")
    seen = {pretrained_sha256(folder)}
    for name in ("a.bin", "b.bin", "c.bin"):
        state = torch.load(folder / name)
        next(iter(state.values())).add_(1)
        torch.save(state, folder / name)
        seen.add(pretrained_sha256(folder))
    assert len(seen) == 4


def test_the_identity_of_a_fairseq_file_is_its_own_sha256(mini_file):
    from fad.utils.files import sha256_file

    assert pretrained_sha256(mini_file) == sha256_file(mini_file)
    with pytest.raises(FadError, match="no such pre-trained file or folder"):
        pretrained_sha256(mini_file.with_name("none.pt"))
