"""Reading fairseq checkpoints: the formats there are, and everything that is refused."""

import argparse
import os
import re
from pathlib import Path

import pytest
import torch

from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from fad.encoders.fairseq_checkpoint import parse_conv_layers
from fad.encoders.released import parameter_shapes
from fad.utils.errors import FadError
from tests.helpers.contract import padded_batch
from tests.helpers.released import MINI, random_checkpoint

PRETRAINING = {"mask_emb", "quantizer.vars", "project_q.weight", "final_proj.bias"}


@pytest.fixture
def content():
    return random_checkpoint(MINI)


@pytest.fixture
def saved(tmp_path):
    def save(content, **options) -> Path:
        torch.save(content, tmp_path / "model.pt", **options)
        return tmp_path / "model.pt"

    return save


def outputs(path: Path) -> list[torch.Tensor]:
    with torch.no_grad():
        return load_xlsr(read_checkpoint(path)).eval()(*padded_batch())[0]


def same(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


# Formats.


def test_all_tensors_are_counted_and_those_of_pre_training_not_kept(mini_file):
    checkpoint = read_checkpoint(mini_file)
    assert checkpoint.num_parameters == sum(
        torch.Size(shape).numel() for shape in parameter_shapes(MINI).values()
    )
    left_out = set(checkpoint.state) - set(checkpoint.encoder_state())
    assert left_out >= PRETRAINING
    assert all(name.startswith(("mask", "quant", "project_q", "final_")) for name in left_out)
    encoder = load_xlsr(checkpoint)
    assert set(encoder.state_dict()) == set(checkpoint.encoder_state())


def test_older_files_have_args_and_are_the_same_model(content, saved, mini_file):
    args = argparse.Namespace(**content["cfg"]["model"], normalize=True, arch="wav2vec2", data="/x")
    old = saved({"args": args, "model": content["model"]}, _use_new_zipfile_serialization=False)
    assert read_checkpoint(old).normalize is True
    assert same(outputs(old), outputs(mini_file))


def test_omegaconf_containers_are_read(content, saved, mini_file):
    from omegaconf import OmegaConf

    task = {**content["cfg"]["task"], "data": "???", "rate": "${.sample_rate}", "keys": [1, None]}
    cfg = OmegaConf.create({"model": content["cfg"]["model"], "task": task})
    path = saved({**content, "cfg": cfg})
    assert read_checkpoint(path).normalize is True
    assert same(outputs(path), outputs(mini_file))


def test_interpolations_are_never_resolved(content, saved, monkeypatch):
    from omegaconf import OmegaConf

    monkeypatch.setenv("SECRET", "gelu")
    model = {**content["cfg"]["model"], "activation_fn": "${oc.env:SECRET}", "data": "${no.such}"}
    path = saved({**content, "cfg": OmegaConf.create({"model": model, "task": {"rate": "${x}"}})})
    assert read_checkpoint(path).model_cfg["data"] == "${no.such}"
    refused(path, r"activation_fn is \$\{oc.env:SECRET\}")


@pytest.mark.parametrize("value", ["${no.such}", "${oc.env:HOME}", "yes"])
def test_a_normalize_flag_that_is_not_one_is_refused(content, saved, value):
    from omegaconf import OmegaConf

    content["cfg"]["task"]["normalize"] = value
    refused(saved({**content, "cfg": OmegaConf.create(content["cfg"])}), "normalize is '.*not true")


def test_optimizer_state_beside_the_model_does_no_harm(content, saved, mini_file):
    content |= {"last_optimizer_state": {"state": {0: {"step": 1}}}, "extra_state": {"epoch": 3}}
    assert same(outputs(saved(content)), outputs(mini_file))


@pytest.mark.parametrize("normalize", [True, False])
def test_the_normalize_flag_is_the_tasks(content, saved, normalize):
    content["cfg"]["task"]["normalize"] = normalize
    checkpoint = read_checkpoint(saved(content))
    assert checkpoint.normalize is normalize
    assert load_xlsr(checkpoint).normalize is normalize


def test_without_a_normalize_flag_fairseqs_default_holds(content, saved):
    content["cfg"]["task"] = None
    assert read_checkpoint(saved(content)).normalize is False


def test_float16_files_become_float32(content, saved):
    content["model"] = {name: value.half() for name, value in content["model"].items()}
    encoder = load_xlsr(read_checkpoint(saved(content)))
    for name, value in encoder.named_parameters():
        assert value.dtype == torch.float32
        assert torch.equal(value, content["model"][name].float())


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="needs Linux's /proc/self/maps")
def test_float32_weights_are_used_where_they_lie_in_the_mapped_file(content, saved):
    path = saved(content)
    encoder = load_xlsr(read_checkpoint(path))
    ranges = [
        [int(end, 16) for end in line.split()[0].split("-")]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if line.endswith(str(path))
    ]
    assert ranges
    for name, value in encoder.named_parameters():
        assert any(low <= value.data_ptr() < high for low, high in ranges), name


# Refusals.


def refused(path: Path, match: str) -> None:
    with pytest.raises(FadError, match=match) as caught:
        load_xlsr(read_checkpoint(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named_with_the_option(tmp_path):
    refused(tmp_path / "none.pt", "no such pre-trained file or folder; give --pretrained")


def test_a_missing_tensor_is_refused_by_name(content, saved):
    del content["model"]["encoder.layers.1.self_attn.k_proj.bias"]
    refused(saved(content), "do not fit its config.*encoder.layers.1.self_attn.k_proj.bias")


def test_a_tensor_too_many_is_refused_by_name(content, saved):
    content["model"]["encoder.layers.2.fc1.bias"] = torch.zeros(96)
    refused(saved(content), "do not fit its config.*encoder.layers.2.fc1.bias")


def test_a_tensor_of_another_shape_is_refused_by_name(content, saved):
    content["model"]["layer_norm.weight"] = torch.zeros(33)
    refused(saved(content), "do not fit its config.*layer_norm.weight")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.5, 0.999])
def test_a_file_cut_short_is_refused(content, saved, share, zipped):
    path = saved(content, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(path, "not a readable checkpoint")


@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_bytes_end_in_one_line_or_a_working_model(content, saved, zipped):
    path = saved(content, _use_new_zipfile_serialization=zipped)
    whole, generator = path.read_bytes(), torch.Generator().manual_seed(0)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in torch.randint(4000, (3,), generator=generator).tolist():
            damaged[place - 2000] ^= 0x5A  # the head and the tail, where the structure is
        path.write_bytes(damaged)
        try:
            load_xlsr(read_checkpoint(path))
        except FadError as error:
            assert str(error).startswith(str(path))


@pytest.mark.parametrize(
    "other",
    [
        [1, 2],
        {"weights": torch.zeros(2)},
        {"model": [torch.zeros(2)]},
        {"model": {"a": "text"}, "cfg": {}},
        {"model": {1: torch.zeros(2)}, "cfg": {}},
        {"model": {"a": torch.zeros(2)}},
        {"model": {"a": torch.zeros(2)}, "cfg": "text"},
        {"model": {"a": torch.zeros(2)}, "cfg": {"model": "text"}},
    ],
)
def test_other_content_is_not_a_fairseq_checkpoint(saved, other):
    refused(saved(other), "not a fairseq checkpoint")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("encoder_layers", "many"),
        ("encoder_layers", 10**9),
        ("encoder_layers", 0),
        ("encoder_embed_dim", -48),
        ("encoder_attention_heads", 5),
        ("conv_pos_groups", 0),
        ("conv_pos", 1.5),
    ],
)
def test_sizes_that_no_transformer_has_are_refused_before_it_is_built(content, saved, key, value):
    content["cfg"]["model"][key] = value
    refused(saved(content), f"not one of a transformer.*'{key}': ")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("extractor_mode", "default"),
        ("layer_norm_first", False),
        ("layer_type", "conformer"),
        ("activation_fn", "relu"),
        ("pos_conv_depth", 5),
    ],
)
def test_other_architectures_are_refused_with_the_remedy(content, saved, key, value):
    content["cfg"]["model"][key] = value
    refused(saved(content), f"{key} is {value}.*set 'encoder: fairseq_xlsr'")


# Files that want to run code. Each has a canary that must not appear.


class Bomb:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["cfg", "model", "args", "extra_state"])
def test_a_pickle_that_would_run_code_is_refused(content, saved, tmp_path, place, zipped):
    canary = tmp_path / "canary"
    content[place] = {"x": Bomb(canary)}
    refused(
        saved(content, _use_new_zipfile_serialization=zipped), "would run code.*(posix|nt).system"
    )
    assert not canary.exists()


def test_the_bomb_works_where_nothing_stops_it(content, saved, tmp_path):
    canary = tmp_path / "canary"
    torch.load(saved({"x": Bomb(canary)}), weights_only=False)
    assert canary.exists()


HOSTILE = [
    "__import__('os').system('touch CANARY')",
    "[(512, 10, 5)] + [__import__('os').system('touch CANARY')]",
    "[(1, 1, 1)] * __import__('os').system('touch CANARY')",
    "(lambda: open('CANARY', 'w'))()",
    "[x for x in [(1, 1, 1)] if open('CANARY', 'w')]",
    "[(1, 1, 1)] * 10**9",
    "[(1, 1, 1)] * 1000000000",
    "[(1, 1, 1)] * 32 * 32 * 32 * 32 * 32 * 32",
    "[(1, 1, 1)] * 33",
    "[(1, 1, 1)] * 0",
    "[(1, 1, 1)] * -1",
    "[(1, 1, 1)] * True",
    "[(512, 10)]",
    "[(512, 10, 0)]",
    "[(512, 10, 2.0)]",
    "[(True, 10, 2)]",
    "[[512, 10, 5]]",
    "[(10**9, 10, 5)]",
    "[(1000000000, 10, 5)]",
    "(512, 10, 5)",
    "[]",
    "",
    "[" * 10_000,
    "(" * 150 + ")" * 150,
    "[(1, 1, 1)]" + " + [(1, 1, 1)]" * 50_000,
    None,
    7,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: str(text)[:30])
def test_hostile_conv_feature_layers_are_refused_and_not_run(content, saved, tmp_path, text):
    canary = tmp_path / "canary"
    text = text.replace("CANARY", str(canary)) if isinstance(text, str) else text
    content["cfg"]["model"]["conv_feature_layers"] = text
    refused(saved(content), "conv_feature_layers is not a list")
    assert not canary.exists()


@pytest.mark.parametrize(
    "text",
    [
        "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]",
        "[(512, 10, 5), (512, 3, 2), (512, 3, 2), (512, 3, 2), (512, 3, 2)] + [(512, 2, 2)] * 2",
        [(512, 10, 5), *[(512, 3, 2)] * 4, *[(512, 2, 2)] * 2],
    ],
)
def test_good_conv_feature_layers_are_what_python_says(text):
    expected = eval(text) if isinstance(text, str) else text
    assert parse_conv_layers(text, "file") == tuple(expected)


def test_the_message_for_conv_feature_layers_is_short():
    with pytest.raises(FadError) as caught:
        parse_conv_layers("x" * 100_000, "file")
    assert re.match(r"file: conv_feature_layers is not a list", str(caught.value))
    assert len(str(caught.value)) < 250
