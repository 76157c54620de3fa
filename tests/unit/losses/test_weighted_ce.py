"""Class-weighted cross-entropy: its weights, and torch's own as the reference."""

import pytest
import torch

from fad.losses.weighted_ce import WeightedCrossEntropy
from fad.utils.errors import FadError

EMBEDDING = torch.zeros(7, 3)
LOGITS = torch.randn(7, 2, generator=torch.Generator().manual_seed(0))
TARGETS = torch.tensor([0, 0, 1, 0, 1, 0, 0])


def loss_of(weights, counts=(5, 2)) -> WeightedCrossEntropy:
    loss = WeightedCrossEntropy(3, weights)
    loss.init_from_data(counts)
    return loss


@pytest.mark.parametrize("counts", [(900, 100), (1, 1), (22_800, 2_580)])
def test_balanced_gives_each_class_half_and_a_mean_of_one(counts):
    weights = loss_of("balanced", counts).weights.double()
    total = sum(counts)
    assert weights.tolist() == pytest.approx([total / (2 * n) for n in counts])
    shares = weights * torch.tensor(counts)
    assert shares.tolist() == pytest.approx([total / 2] * 2)


@pytest.mark.parametrize("weights", [[0.1, 0.9], [1, 9], "balanced"])
def test_divided_by_the_sum_of_weights_it_is_torchs(weights):
    loss = loss_of(weights)
    values, weight = loss(EMBEDDING, LOGITS, TARGETS), loss.weight_of(TARGETS)
    assert values.shape == weight.shape == (7,)
    theirs = torch.nn.CrossEntropyLoss(weight=loss.weights)(LOGITS, TARGETS)
    assert (values.sum() / weight.sum()).item() == pytest.approx(theirs.item(), rel=1e-6)


def test_half_precision_logits_are_computed_in_float32():
    values = loss_of([1.0, 1.0])(EMBEDDING, LOGITS.bfloat16(), TARGETS)
    assert values.dtype == torch.float32


@pytest.mark.parametrize("counts", [(0, 5), (5, 0), (0, 0)])
def test_a_class_without_utterances_is_refused(counts):
    with pytest.raises(FadError, match="both classes are needed"):
        loss_of("balanced", counts)


@pytest.mark.parametrize(
    "weights",
    [
        "even",
        [1.0],
        [1, 2, 3],
        [0, 1],
        [-1, 1],
        ["1", 1],
        [True, 1],
        3,
        None,
        [float("nan"), 1],
        [float("inf"), 1],
    ],
)
def test_weights_of_another_kind_are_refused(weights):
    with pytest.raises(FadError, match="give 'balanced' or two positive numbers"):
        WeightedCrossEntropy(3, weights)
