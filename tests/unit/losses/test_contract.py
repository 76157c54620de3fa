"""What every registered loss, and one of a user's own that owns parameters, must do."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from fad.config import registry
from fad.config.resolve import load_config
from fad.data.sources import AudioSource
from fad.inference.scoring import score_utterances
from fad.losses.base import Loss
from fad.models.detector import build_detector, load_detector
from tests.helpers.experiment import train

WIDTH = 6
CONF = {"weighted_ce": {"weights": "balanced"}}
LABELS = torch.tensor([0, 1, 1, 0, 1])


@pytest.fixture(params=[*registry.SLOTS["loss"], "own"])
def loss(request, own) -> Loss:
    torch.manual_seed(0)
    return new(request.param)


def new(name: str) -> Loss:
    found = registry.get("loss", name)(embed_dim=WIDTH, **CONF.get(name, {}))
    found.init_from_data((3, 2))
    found.name = name
    return found


@pytest.fixture
def own(monkeypatch) -> list[str]:
    """A config's overrides that choose a loss with parameters of its own."""
    monkeypatch.setitem(registry.SLOTS["loss"], "own", "tests.helpers.own_parts:CosineLoss")
    return ["loss=own"]


def outputs(seed: int = 1) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(5, WIDTH, generator=draw), torch.randn(5, 2, generator=draw)


def test_each_example_has_a_loss_a_weight_and_a_score(loss):
    embedding, logits = outputs()
    for found in (
        loss(embedding, logits, LABELS),
        loss.weight_of(LABELS),
        loss.score(embedding, logits),
    ):
        assert (found.shape, found.dtype) == ((5,), torch.float32)
        assert torch.isfinite(found).all()


def test_a_step_lowers_the_loss_and_moves_the_scores_apart(loss):
    embedding, logits = (x.requires_grad_() for x in outputs())
    before = loss(embedding, logits, LABELS)
    before.sum().backward()
    grads = [x.grad for x in (embedding, logits, *loss.parameters()) if x.grad is not None]
    assert grads and all(grad.abs().sum() > 0 for grad in grads)
    assert all(value.grad is not None for value in loss.parameters())
    with torch.no_grad():
        moved = [x if x.grad is None else x - 0.01 * x.grad for x in (embedding, logits)]
        assert loss(*moved, LABELS).sum() < before.sum()
        change = loss.score(*moved) - loss.score(embedding, logits)
    assert change[LABELS == 1].mean() > change[LABELS == 0].mean()


def test_an_example_counts_for_itself(loss):
    embedding, logits = outputs()
    whole = loss(embedding, logits, LABELS)
    order = [4, 2, 0, 1, 3]
    assert torch.allclose(loss(embedding[order], logits[order], LABELS[order]), whole[order])
    parts = [loss(embedding[n : n + 1], logits[n : n + 1], LABELS[n : n + 1]) for n in range(5)]
    assert torch.allclose(torch.cat(parts), whole)
    assert torch.equal(loss.weight_of(LABELS[order]), loss.weight_of(LABELS)[order])


def test_half_precision_is_near_float32(loss):
    embedding, logits = outputs()
    exact = loss(embedding, logits, LABELS)
    rounded = loss(embedding.bfloat16(), logits.bfloat16(), LABELS)
    assert torch.allclose(rounded, exact, rtol=0.05, atol=0.05)


def test_saved_and_loaded_it_is_the_same(loss):
    other = new(loss.name)
    other.load_state_dict(loss.state_dict(), strict=True)
    assert torch.equal(other.score(*outputs()), loss.score(*outputs()))


def test_the_default_score_is_bona_fide_minus_spoof():
    logits = torch.tensor([[1.0, 3.0], [2.0, -1.0]])
    loss = registry.get("loss", "weighted_ce")(embed_dim=1, weights=[1, 1])
    assert loss.score(torch.zeros(2, 1), logits).tolist() == [2.0, -3.0]


def test_parameters_of_a_loss_are_trained_counted_and_scored_with(
    own, mini_file, tiny_dump, tmp_path
):
    exp = train(tmp_path / "exp", mini_file, tiny_dump, "lora", *own)
    saved = load_file(exp / "best.safetensors")
    torch.manual_seed(1)
    first = build_detector(load_config("lora", own), mini_file)
    width = first.backend.embed_dim
    assert saved["loss.centre"].shape == (width,)
    assert not torch.equal(saved["loss.centre"], first.loss.centre)
    counts = json.loads((exp / "train_summary.json").read_text())["parameters"]
    assert counts["loss"] == width
    assert counts["trainable"] == counts["adaptation"] + counts["backend"] + width

    detector = load_detector(exp)
    encoder = detector.encoder
    source = AudioSource(tiny_dump / "audio" / "dev", encoder.grid, encoder.normalize)
    scores = score_utterances(detector, source, range(6), torch.device("cpu"))
    assert (np.abs(scores) <= 1).all()  # cosines
    assert np.ptp(scores) > 0
