"""Faults that the contract is there to catch: each planted, and each seen."""

import loralib
import pytest
import torch
from torch import nn

from fad.adaptation.adapter import Adapter
from fad.adaptation.base import NotMergeable
from fad.adaptation.bitfit import BitFit
from fad.adaptation.lora import LoRA
from fad.adaptation.lorta import LoRTA
from fad.adaptation.low_rank import merged_linear
from fad.adaptation.topk import TopK
from fad.encoders import fairseq_xlsr
from fad.encoders.boundary import block
from fad.models.detector import Detector
from tests.helpers import contract
from tests.helpers.contract import logits
from tests.unit.adaptation import test_contract as clauses
from tests.unit.adaptation import test_precisions as precisions
from tests.unit.adaptation.test_contract import Case


@pytest.fixture
def fairseqs_own_attention(mini_file, monkeypatch) -> Detector:
    """loralib's layers put into fairseq's own MultiheadAttention, which is left as it is."""
    monkeypatch.setattr(fairseq_xlsr, "replace_attention", lambda theirs: theirs)
    return Case("lora", "fairseq_xlsr", mini_file).build()


def test_lora_in_fairseqs_own_attention_is_caught_by_the_gradient_clause(fairseqs_own_attention):
    planted = fairseqs_own_attention
    attention = planted.encoder.model.encoder.layers[0].self_attn
    assert type(attention).__module__ == "fairseq.modules.multihead_attention"
    assert isinstance(attention.q_proj, loralib.Linear)
    before = nn.functional.cross_entropy(logits(planted), contract.LABELS)
    gradients = contract.train_steps(planted)
    after = nn.functional.cross_entropy(logits(planted), contract.LABELS)
    assert after < before  # the head learns, so nothing looks wrong
    assert all(value.grad is None for value in planted.adaptation.trainable())
    assert contract.without_gradient(gradients) == list(planted.adaptation.owned())


def test_lora_in_fairseqs_own_attention_counts_and_starts_as_if_nothing_were_wrong(
    fairseqs_own_attention,
):
    # Why the gradient clause is needed: the others hold.
    assert fairseqs_own_attention.count()["adaptation"] == 2 * 4 * 2 * (48 + 48)


class MergesInEval(LoRA):
    """loralib's default, `merge_weights=True`: eval() adds the update to the base weight."""

    def _low_rank(self, base):
        layer = loralib.Linear(base.in_features, base.out_features, r=self.rank, lora_alpha=8)
        layer.weight, layer.bias = base.weight, base.bias
        return layer


def test_merging_in_eval_is_caught_by_the_clauses_of_reloading(mini_file, monkeypatch):
    monkeypatch.setattr("fad.adaptation.lora.LoRA", MergesInEval)
    case = Case("lora", "xlsr", mini_file)
    trained = case.build()
    contract.train_steps(trained)
    before = contract.frozen_state(trained)
    assert contract.reload_difference(trained, case.build(seed=1)) > 1e-3
    assert contract.whole_reload_difference(trained, case.build(seed=1)) > 1e-3
    assert contract.changed(before, contract.frozen_state(trained)) != []


class StartsAnywhere(Adapter):
    """Adapters whose second matrix starts as torch has it."""

    def _wrap(self, encoder):
        super()._wrap(encoder)
        for layer in self._layers.values():
            layer.adapter.up.reset_parameters()


class Detached(LoRTA):
    """A tensor that is cut off the graph, of which nothing is learnt."""

    def _wrap(self, encoder):
        super()._wrap(encoder)
        heads = encoder.lorta.heads
        encoder.lorta.heads = lambda *indices: heads(*indices).detach()


class WritesItsBase(Adapter):
    """A layer that changes its frozen weight as it runs."""

    def _wrap(self, encoder):
        super()._wrap(encoder)
        for layer in self._layers.values():
            layer.register_forward_pre_hook(_shrink)


def _shrink(layer, _inputs):
    layer.linear.weight.data.mul_(0.999)


class TrainsMore(BitFit):
    """The key's biases train too, and are not owned."""

    def _wrap(self, encoder):
        super()._wrap(encoder)
        for name, value in encoder.named_parameters():
            value.requires_grad_(value.requires_grad or name.endswith("k_proj.bias"))


class DropsOut(Adapter):
    """Dropout that nobody asked for."""

    def _wrap(self, encoder):
        super()._wrap(encoder)
        for layer in self._layers.values():
            layer.adapter.up = nn.Sequential(nn.Dropout(0.5), layer.adapter.up)


class SavesLess(BitFit):
    """A bias is missing in what is saved."""

    def saved(self):
        return dict(list(self.owned().items())[1:])


class FoldsTheOtherWay(LoRTA):
    """The output layer's slice is folded in as the query's is."""

    @torch.no_grad()
    def merge(self):
        for name, layer in self._layers.items():
            layer._heads_in = False
            self.encoder.set_submodule(name, merged_linear(layer, *layer.factors()))
        del self.encoder.lorta
        return self.encoder


class Normalises(Adapter):
    """A LayerNorm in each adapter, which the closed form does not have."""

    def _wrap(self, encoder):
        super()._wrap(encoder)
        for layer in self._layers.values():
            layer.adapter.norm = nn.LayerNorm(48)


class TooDeep(TopK):
    """Says that one block more is fixed than is."""

    @property
    def boundary(self):
        return block(self._top - self.k + 1)


class BehindTheBlock(Adapter):
    """Adapters that hang on the block, which is not called as a whole where it is checkpointed."""

    def _wrap(self, encoder):
        super()._wrap(encoder)
        for name, layer in self._layers.items():
            encoder.set_submodule(name, layer.linear)
            if name.endswith("fc2"):
                whole = encoder.get_submodule(name.removesuffix(".fc2"))
                whole.fc2_adapter = layer.adapter
                whole.register_forward_hook(lambda whole, _, x: whole.fc2_adapter(x))


class InFloat32(LoRA):
    """An update that is computed in float32, whatever the layers are computed in."""

    def _low_rank(self, base):
        layer = super()._low_rank(base)
        layer.forward = lambda x: _in_float32(layer, x)
        return layer


def _in_float32(layer, x):
    base = nn.functional.linear(x.flatten(0, -2), layer.weight, layer.bias)
    with torch.autocast("cpu", enabled=False):
        low = x.float().flatten(0, -2) @ layer.lora_A.t()
        return base.addmm_(low, layer.scaling * layer.lora_B.t()).unflatten(0, x.shape[:-1])


class HidesItsUpdate(LoRA):
    """An update that hangs on a plain layer, whose place an 8-bit one then takes without it."""

    def _wrap(self, encoder):
        super()._wrap(encoder)
        for name, layer in self._layers.items():
            plain = merged_linear(layer, layer.lora_A, 0 * layer.lora_B)
            plain.register_forward_hook(lambda _plain, x, _y, layer=layer: layer(*x))
            plain.register_parameter("lora_A", layer.lora_A)
            plain.register_parameter("lora_B", layer.lora_B)
            encoder.set_submodule(name, plain)

    def merge(self):
        raise NotMergeable("it is hidden")


PLANTED = [
    (StartsAnywhere, clauses.test_at_step_0_the_output_is_the_base_models),
    (Detached, clauses.test_every_owned_parameter_gets_a_gradient_within_two_steps),
    (WritesItsBase, clauses.test_training_leaves_all_that_is_not_owned_as_it_was),
    (TrainsMore, clauses.test_what_trains_is_what_is_owned),
    (DropsOut, clauses.test_train_and_eval_agree_at_dropout_0),
    (SavesLess, clauses.test_saved_while_in_eval_and_reloaded_the_scores_are_identical),
    (FoldsTheOtherWay, clauses.test_merged_equals_unmerged_and_has_the_base_models_names),
    (Normalises, clauses.test_the_number_of_parameters_is_the_closed_form),
    (TooDeep, clauses.test_the_boundary_is_named_and_what_lies_below_it_does_not_change),
    (BehindTheBlock, clauses.test_with_activation_checkpointing_the_same_is_trained),
    (HidesItsUpdate, precisions.test_in_8_bits_it_scores_nearly_as_in_float),
]


@pytest.mark.parametrize(("fault", "clause"), PLANTED, ids=lambda thing: thing.__name__)
def test_a_planted_fault_breaks_its_clause(mini_file, monkeypatch, tmp_path, fault, clause):
    kept = fault.__mro__[1]
    case = Case(kept.__name__.lower(), "xlsr", mini_file)
    given = {"case": case} | ({"tmp_path": tmp_path} if "reloaded" in clause.__name__ else {})
    clause(**given)
    monkeypatch.setattr(f"{kept.__module__}.{kept.__name__}", fault)
    with pytest.raises(AssertionError):
        clause(**given)


def test_a_type_that_does_not_fit_the_layers_is_seen(mini_file, monkeypatch):
    monkeypatch.setattr("fad.adaptation.lora.LoRA", InFloat32)
    with pytest.raises(RuntimeError, match="must have the same dtype"):
        precisions.test_in_bfloat16_it_starts_at_the_base_model_and_trains(
            Case("lora", "xlsr", mini_file)
        )
