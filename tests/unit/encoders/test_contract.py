"""The contract that every encoder keeps: those of the registry, and one of a user's own."""

import pytest
import torch
from torch import nn

from fad.config import registry
from fad.encoders import fairseq_xlsr
from fad.encoders.base import Encoder, LinearLayer
from fad.encoders.boundary import FRONTEND, NONE
from fad.encoders.checkpoint import read_checkpoint
from fad.utils.errors import FadError
from tests.helpers import encoder_contract as contract
from tests.helpers import toy_encoder
from tests.helpers.toy_encoder import Asking, Toy, load_toy

PADDED = 4e-6  # of the largest output: sums in another order for other sizes
ROUNDED = 0.03  # norm of the difference: 8 bits of mantissa, through two blocks
CAPABILITIES = {
    "use_activation_checkpointing": (),
    "compile_blocks": (),
    "pool": (1, 1, 1),
    "wrap_block": (1, lambda module: module),
}


@pytest.fixture(params=[*registry.SLOTS["encoder"], "toy"])
def build(request, mini_file, monkeypatch):
    """Builds the encoder anew from the mini checkpoint, in eval."""
    monkeypatch.setitem(registry.SLOTS["encoder"], "toy", "tests.helpers.toy_encoder:load_toy")
    load = registry.get("encoder", request.param)
    return lambda **conf: load(read_checkpoint(mini_file), **conf).eval()


@pytest.mark.parametrize("layers", ["all", "last", [1]])
def test_it_is_as_it_says(build, layers):
    encoder = build(layers=layers)
    assert isinstance(encoder, Encoder)
    assert contract.what_is_not_as_it_says(encoder) == []


def test_padded_in_a_batch_it_gives_what_it_gives_alone(build):
    encoder = build()
    assert contract.padding_difference(encoder) <= PADDED
    assert not contract.padding_is_seen(encoder)


@pytest.mark.parametrize("layers", ["all", "last", [1]])
def test_entered_at_each_boundary_it_gives_what_the_whole_gives(build, layers):
    encoder = build(layers=layers)
    assert encoder.deepest > NONE
    assert contract.boundaries_that_differ(encoder) == []


def test_in_half_precision_it_is_near_float32(build):
    encoder = build()
    assert 0 < contract.half_precision_difference(encoder) < ROUNDED


def test_every_linear_layer_lives_under_lora(build):
    assert contract.dead_layers(build()) == []


def test_its_linear_layers_are_all_there(build):
    assert contract.wrong_linear_layers(build()) == []


def test_its_blocks_are_in_order(build):
    assert contract.blocks_out_of_order(build()) == []


@pytest.mark.parametrize("layers", ["all", [1]])
def test_it_knows_which_parameters_are_needed(build, layers):
    assert contract.wrongly_needed(build(layers=layers)) == []
    assert contract.parameters_out_of_place(build(layers=layers)) == []


def test_its_state_makes_another_the_same(build):
    assert contract.round_trip_difference(build) == 0


@pytest.mark.parametrize("name", CAPABILITIES)
def test_what_it_cannot_do_it_refuses_in_one_line(build, name):
    encoder = build()
    if getattr(type(encoder), name) is getattr(Encoder, name):
        with pytest.raises(FadError, match=r"^the encoder \w+ cannot .*: set encoder=xlsr$"):
            getattr(encoder, name)(*CAPABILITIES[name])
    else:
        wanted = contract.given(encoder)
        if name != "compile_blocks":  # compiling takes a minute: `test_train_experiment` has it
            getattr(encoder, name)(*CAPABILITIES[name])
        assert contract.furthest(contract.given(encoder), wanted) == 0
        if name == "use_activation_checkpointing":
            assert contract.gradient_difference(build(), encoder) == 0


def test_a_class_that_lacks_a_part_of_the_contract_is_none():
    class Half(Encoder):
        def frontend(self, wav, lens):
            return wav, lens

    with pytest.raises(TypeError, match=r"abstract methods .*outputs"):
        Half()


# Faults, each with the clause that must see it.


class NoMask(Asking):
    def forward(self, x, padding):
        return super().forward(x, None)


class Fused(Asking):
    """As fairseq's and torch's own attention: the weights are used, the layers are not called."""

    def forward(self, x, padding):
        layers = (self.query, self.key, self.value)
        found, _ = nn.functional.multi_head_attention_forward(
            *[x.transpose(0, 1)] * 3,
            embed_dim_to_check=x.shape[2],
            num_heads=self.num_heads,
            in_proj_weight=torch.cat([layer.weight for layer in layers]),
            in_proj_bias=torch.cat([layer.bias for layer in layers]),
            bias_k=None,
            bias_v=None,
            add_zero_attn=False,
            dropout_p=0.0,
            out_proj_weight=self.out.weight,
            out_proj_bias=self.out.bias,
            key_padding_mask=padding,
            need_weights=False,
        )
        return found.transpose(0, 1)


class SaysAnotherWidth(Toy):
    def __init__(self, *args):
        super().__init__(*args)
        self.dim += 1


class DiffersBehindTheFrontend(Toy):
    def outputs(self, inputs, lens, boundary, wanted):
        hidden, lens = super().outputs(inputs, lens, boundary, wanted)
        return (hidden if boundary <= FRONTEND else [x + 1e-3 for x in hidden]), lens


class DiffersInHalfPrecision(Toy):
    def project(self, frames):
        return super().project(frames) * (1.5 if torch.is_autocast_enabled("cpu") else 1)


class CountsBlocksBackwards(Toy):
    def block_parameters(self, numbers):
        return super().block_parameters([self.num_layers + 1 - number for number in numbers])


class NeedsAll(Toy):
    def needed_parameters(self):
        return dict(self.named_parameters())


class SavesLess(Toy):
    """Has a number that is drawn anew and not in its state."""

    def __init__(self, *args):
        super().__init__(*args)
        self.drawn = torch.rand(1, device="cpu").item()

    def project(self, frames):
        return super().project(frames) * (1 + self.drawn)


@pytest.fixture
def toy(mini_file):
    return lambda **conf: load_toy(read_checkpoint(mini_file), **conf).eval()


def test_padding_that_is_attended_to_is_seen(toy, monkeypatch):
    monkeypatch.setattr(toy_encoder, "Asking", NoMask)
    assert contract.padding_difference(toy()) > 100 * PADDED
    assert contract.padding_is_seen(toy())


def test_lora_on_fused_attention_is_seen_in_a_family_of_ones_own(toy, monkeypatch):
    wanted = contract.given(toy())
    monkeypatch.setattr(toy_encoder, "Asking", Fused)
    assert contract.furthest(contract.given(toy()), wanted) < 1e-5  # nothing else looks wrong
    dead = contract.dead_layers(toy())
    assert {name.split(".")[3] for name in dead} == {"query", "key", "value", "out"}
    assert len(dead) == 2 * 4 * 2


def test_lora_on_fused_attention_is_seen_in_fairseqs_own(mini_file, monkeypatch):
    monkeypatch.setattr(fairseq_xlsr, "replace_attention", lambda theirs: theirs)
    load = registry.get("encoder", "fairseq_xlsr")
    dead = contract.dead_layers(load(read_checkpoint(mini_file)))
    assert len(dead) == 2 * 4 * 2
    assert all(".self_attn." in name for name in dead)


@pytest.mark.parametrize(
    ("fault", "breaks"),
    [
        (SaysAnotherWidth, lambda build: contract.what_is_not_as_it_says(build())),
        (DiffersBehindTheFrontend, lambda build: contract.boundaries_that_differ(build())),
        (
            DiffersInHalfPrecision,
            lambda build: contract.half_precision_difference(build()) > ROUNDED,
        ),
        (CountsBlocksBackwards, lambda build: contract.blocks_out_of_order(build())),
        (NeedsAll, lambda build: contract.wrongly_needed(build(layers=[1]))),
        (SavesLess, contract.round_trip_difference),
    ],
    ids=lambda thing: thing.__name__,
)
def test_a_planted_fault_breaks_its_clause(toy, monkeypatch, fault, breaks):
    assert not breaks(toy)
    monkeypatch.setattr(toy_encoder, "Toy", fault)
    assert breaks(toy)


def test_a_linear_layer_that_is_left_out_is_seen(toy, monkeypatch):
    left_out = {name: path for name, path in toy_encoder.LINEAR.items() if name != "fc2"}
    monkeypatch.setattr(toy_encoder, "LINEAR", left_out)
    assert contract.wrong_linear_layers(toy()) == ["targets", "modules"]


def test_what_is_no_linear_layer_any_more_is_not_adapted_as_one():
    layer = LinearLayer(3, "fc1", "layers.2.fc1", nn.ReLU())
    with pytest.raises(TypeError, match=r"layers\.2\.fc1 is a ReLU"):
        _ = layer.linear
