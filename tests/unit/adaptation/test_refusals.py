"""What a method cannot be built with, or attached to, and what it says then."""

from dataclasses import replace

import pytest

from fad.adaptation.adapter import Adapter
from fad.adaptation.dpf import DPF
from fad.adaptation.lora import LoRA
from fad.adaptation.lorta import LoRTA
from fad.adaptation.pela import PELA
from fad.config.resolve import load_config
from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from fad.models.detector import build_detector
from fad.utils.errors import FadError


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["adaptation_conf.target_modules=[q_porj]"], "did you mean 'q_proj'"),
        (["adaptation_conf.target_modules=[]"], "known: fc1, fc2, k_proj, out_proj, q_proj"),
        (["adaptation_conf.target_modules=[[q_proj]]"], "no target module"),
        (["adaptation_conf.blocks=[3]"], "numbers 1 to 2"),
        (["adaptation_conf.blocks=[0, 1]"], "numbers 1 to 2"),
        (["adaptation_conf.blocks=[]"], "numbers 1 to 2"),
        (["adaptation_conf.blocks=2"], "numbers 1 to 2"),
        (["adaptation_conf.blocks=[[1]]"], "numbers 1 to 2"),
        (["adaptation_conf.blocks=some"], "numbers 1 to 2"),
        (["adaptation_conf.rank=0"], "rank is 0"),
        (["adaptation_conf.rank=2.5"], "rank is 2.5"),
        (["adaptation_conf.rank=four"], "rank is four"),
        (["adaptation_conf.alpha=none"], "alpha is none"),
        (["adaptation_conf.alpha=0"], "alpha is 0"),
        (["adaptation_conf.dropout=1"], "dropout is 1"),
        (["adaptation_conf.dropout=half"], "dropout is half"),
    ],
)
def test_what_cannot_be_adapted_is_refused_with_the_names_there_are(mini_file, overrides, expected):
    with pytest.raises(FadError, match=expected):
        build_detector(load_config("lora", overrides), mini_file)


@pytest.mark.parametrize(
    ("name", "override", "expected"),
    [
        ("lora", "rank_stabilised=sometimes", "rank_stabilised is sometimes"),
        ("lorta", "target_modules=[fc1]", "no target module 'fc1'; known: k_proj, out_proj"),
        ("lorta", "rank=0", "rank is 0"),
        ("lorta", "alpha=0", "alpha is 0"),
        ("adapter", "size=0", "size is 0"),
        ("adapter", "size=true", "size is True"),
        ("adapter", "blocks=[3]", "numbers 1 to 2"),
        ("bitfit", "blocks=[0]", "numbers 1 to 2"),
        ("topk", "k=0", "k is 0"),
        ("topk", "k=3", "k is 3, and encoder_conf.layers asks for 2 blocks"),
    ],
)
def test_a_value_out_of_its_range_is_refused(mini_file, name, override, expected):
    with pytest.raises(FadError, match=expected):
        build_detector(load_config(name, [f"adaptation_conf.{override}"]), mini_file)


@pytest.mark.parametrize(
    "method",
    [LoRA(2, 2, ["q_proj"]), LoRTA(2, 2, ["q_proj"]), Adapter(2), PELA(2), DPF(0.5, 0.5)],
    ids=lambda method: type(method).__name__,
)
def test_an_encoder_without_the_targets_is_refused_with_its_names(mini_file, method):
    encoder = load_xlsr(read_checkpoint(mini_file))
    parts = encoder.parts
    encoder.parts = replace(parts, linear={"query": parts.linear["q_proj"]})
    with pytest.raises(FadError, match=r"blocks of the encoder XLSR have no .*; they have query$"):
        method.attach(encoder)
