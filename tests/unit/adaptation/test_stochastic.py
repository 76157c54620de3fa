"""Stochastic compression: what factors change, when they are drawn, and what can be chosen."""

import pytest
import torch

from fad.adaptation.stochastic import Stochastic
from fad.config.resolve import load_config
from fad.encoders import xlsr
from fad.encoders.attention import SelfAttention
from fad.encoders.pooling import mean_pool
from fad.models.detector import Detector, build_detector
from fad.utils.errors import FadError
from tests.helpers import contract
from tests.helpers.contract import logits

FULL = {"squeeze": 1, "query": 1, "key_value": 1}


def build(mini_file, *overrides: str) -> Detector:
    torch.manual_seed(0)
    conf = [f"adaptation_conf.{override}" for override in overrides]
    return build_detector(load_config("stochastic", conf), mini_file).eval()


def factors(detector: Detector) -> dict[str, int]:
    (pools,) = {(a.self_attn.query_pool, a.self_attn.key_value_pool) for a in blocks(detector)}
    return {"squeeze": detector.encoder.squeeze, "query": pools[0], "key_value": pools[1]}


def blocks(detector: Detector) -> list:
    return list(detector.encoder.encoder.layers)


@pytest.mark.parametrize(
    ("compute", "expected"),
    [(1, FULL), (2, dict.fromkeys(FULL, 2)), (4, {"squeeze": 2, "query": 2, "key_value": 4})],
)
def test_a_compute_is_the_largest_factors_that_are_not_over_it(mini_file, compute, expected):
    detector = build(mini_file)
    detector.adaptation.set_compute_factor(compute)
    scores = logits(detector)
    assert factors(detector) == expected
    assert torch.isfinite(scores).all()
    assert contract.padding_difference(detector) < 1e-4


def test_a_squeeze_leaves_fewer_frames(mini_file):
    detector = build(mini_file)
    wav, lens = contract.padded_batch()
    with torch.no_grad():
        _, whole = detector.encoder(wav, lens)
        detector.adaptation.set_compute_factor(2)
        hidden, squeezed = detector.encoder(wav, lens)
    assert squeezed.tolist() == [-(-n // 2) for n in whole.tolist()]
    assert all(layer.shape[1] == max(squeezed) for layer in hidden)


def test_pooled_attention_is_its_definition():
    torch.manual_seed(0)
    attention, x = SelfAttention(12, 3), torch.randn(1, 6, 12)
    twos = x.unflatten(1, (3, 2)).mean(2)
    with torch.no_grad():
        attention.query_pool = 2
        ours = attention(x)
        attention.query_pool, attention.key_value_pool = 1, 2
        narrow = attention(x)
        attention.query_pool = 2
        both = attention(x)
        attention.query_pool = attention.key_value_pool = 1
    assert torch.equal(ours[:, 0::2], ours[:, 1::2])
    assert torch.equal(both[:, 0::2], both[:, 1::2])
    assert ours.shape == narrow.shape == x.shape
    by_hand = [_attend(attention, *parts) for parts in ((twos, x), (x, twos), (twos, twos))]
    assert torch.allclose(ours[:, ::2], by_hand[0], atol=1e-6)
    assert torch.allclose(narrow, by_hand[1], atol=1e-6)
    assert torch.allclose(both[:, ::2], by_hand[2], atol=1e-6)


def _attend(attention: SelfAttention, asking: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """softmax(Q K^T / sqrt(d)) V, head by head."""
    heads = []
    for head in range(3):
        part = slice(4 * head, 4 * head + 4)
        q = attention.q_proj(asking)[..., part]
        k, v = attention.k_proj(asked)[..., part], attention.v_proj(asked)[..., part]
        heads.append((q @ k.transpose(1, 2) / 2).softmax(-1) @ v)
    return attention.out_proj(torch.cat(heads, dim=-1)).detach()


def test_factors_are_drawn_once_a_seed_and_evenly(mini_file):
    detector, drawn = build(mini_file).train(), []
    for seed in range(60):
        torch.manual_seed(seed)
        for _ in range(2):  # the batches of one step, and dropout between them
            logits(detector)
            drawn.append(tuple(factors(detector).values()))
            torch.rand(3)
    assert drawn[::2] == drawn[1::2]
    assert len(set(drawn)) == 2 * 2 * 3
    for place, number in enumerate((2, 2, 3)):
        values = [draw[place] for draw in drawn]
        assert all(values.count(v) > 0.5 * len(values) / number for v in set(values))
    logits(detector.eval())
    assert factors(detector) == FULL


def test_lists_of_one_train_and_score_at_one_setting(mini_file):
    detector = build(mini_file, "squeeze=[2]", "query=[1]", "key_value=[4]")
    expected = {"squeeze": 2, "query": 1, "key_value": 4}
    for mode in (True, False):
        logits(detector.train(mode))
        assert factors(detector) == expected


def test_a_merged_model_still_scores_at_the_chosen_cost(mini_file):
    detector = build(mini_file)
    detector.adaptation.set_compute_factor(2)
    before = logits(detector)
    assert detector.adaptation.merge() is detector.encoder
    assert torch.equal(logits(detector), before)


def test_a_factor_that_was_not_trained_is_refused(mini_file):
    with pytest.raises(FadError, match=r"--compute 3: .* with the factors 1, 2, 4: give one"):
        build(mini_file).adaptation.set_compute_factor(3)


@pytest.mark.parametrize("value", ["[]", "2", "[0]", "[1.5]", "two", "[[1]]"])
def test_what_is_no_list_of_factors_is_refused(mini_file, value):
    with pytest.raises(FadError, match=r"query is .* give a list of whole numbers from 1"):
        build(mini_file, f"query={value}")


# Planted faults: what the contract is there to catch.


class KeepsTheLastDraw(Stochastic):
    """Sets factors in training alone: a model scores with what was drawn last."""

    def _set_factors(self, encoder, inputs):
        if encoder.training:
            super()._set_factors(encoder, inputs)


def test_factors_that_stay_after_training_are_caught(mini_file, monkeypatch):
    monkeypatch.setattr("fad.adaptation.stochastic.Stochastic", KeepsTheLastDraw)
    trained = build(mini_file)
    contract.train_steps(trained)
    assert contract.reload_difference(trained, build(mini_file)) > 1e-3


def counts_padding(x, padding_mask, factor):
    """`mean_pool` over all frames alike."""
    return mean_pool(x, None, factor)[0], None if padding_mask is None else padding_mask[
        :, ::factor
    ]


def test_pooling_that_counts_padding_is_caught(mini_file, monkeypatch):
    monkeypatch.setattr(xlsr, "mean_pool", counts_padding)
    trained = build(mini_file)
    trained.adaptation.set_compute_factor(2)
    assert contract.padding_difference(trained) > 1e-3
