"""The graph layers, node by node in NumPy, and what another order of the nodes does."""

import numpy as np
import pytest
import torch

from fad.backends.graphs import GraphAttention, GraphPool, MixedGraphAttention

BY_HAND = 1e-5  # float32 against float64
REORDERED = 1e-5


def nodes(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def parts(layer: torch.nn.Module) -> dict[str, np.ndarray]:
    """Weights and buffers in float64."""
    return {name: value.double().numpy() for name, value in layer.state_dict().items()}


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum()


def selu(x: np.ndarray) -> np.ndarray:
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return scale * np.where(x > 0, x, alpha * (np.exp(x) - 1))


def linear(w: dict[str, np.ndarray], name: str, x: np.ndarray) -> np.ndarray:
    return w[f"{name}.weight"] @ x + w[f"{name}.bias"]


def attend(w, x: np.ndarray, vector, temperature: float) -> np.ndarray:
    """Every node of one utterance (N, D) before normalisation; `vector(i, j)` is w of the pair."""
    out = []
    for i, own in enumerate(x):
        scores = [
            vector(i, j) @ np.tanh(linear(w, "pair", own * other)) for j, other in enumerate(x)
        ]
        weights = softmax(np.array(scores) / temperature)
        taken = sum(weight * other for weight, other in zip(weights, x, strict=True))
        out.append(linear(w, "attended", taken) + linear(w, "own", own))
    return np.array(out)


def normalised(w, x: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return selu((x - mean) / np.sqrt(variance + 1e-5) * w["norm.weight"] + w["norm.bias"])


def unsettle(layer: torch.nn.Module) -> None:
    """Gives every weight and running statistic a value that is not its first."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, value in layer.state_dict().items():
            if value.is_floating_point():
                value.add_(0.5 * torch.rand(value.shape, generator=generator))
            assert "var" not in name or (value > 0).all()


@pytest.fixture
def single():
    torch.manual_seed(0)
    layer = GraphAttention(4, 3, temperature=2.0)
    unsettle(layer)
    return layer.eval()


@pytest.fixture
def mixed():
    torch.manual_seed(0)
    layer = MixedGraphAttention(4, 3, temperature=1.5)
    unsettle(layer)
    return layer.eval()


def single_by_hand(layer, x: torch.Tensor) -> np.ndarray:
    """(B, N, dim_out) before normalisation."""
    w = parts(layer)
    vector = w["score.weight"][0]
    return np.array([attend(w, one, lambda i, j: vector, 2.0) for one in x.double().numpy()])


def test_attention_is_that_of_the_definition(single):
    x, w = nodes(2, 5, 4), parts(single)
    expected = normalised(
        w, single_by_hand(single, x), w["norm.running_mean"], w["norm.running_var"]
    )
    assert single(x).detach().numpy() == pytest.approx(expected, abs=BY_HAND)


def test_in_training_it_normalises_by_all_nodes_of_the_batch(single):
    x, w = nodes(2, 5, 4), parts(single)
    single.dropout.p = 0.0
    found = single.train()(x).detach().numpy()
    raw = single_by_hand(single, x).reshape(10, 3)
    expected = normalised(w, raw, raw.mean(0), raw.var(0)).reshape(2, 5, 3)
    assert found == pytest.approx(expected, abs=BY_HAND)
    kept = 0.9 * w["norm.running_mean"] + 0.1 * raw.mean(0)
    assert single.norm.running_mean.numpy() == pytest.approx(kept, abs=BY_HAND)


def test_mixed_attention_and_its_master_are_those_of_the_definition(mixed):
    first, second, master = nodes(2, 3, 4), nodes(2, 2, 4, seed=2), nodes(2, 1, 4, seed=3)
    found = [y.detach().numpy() for y in mixed(first, second, master)]
    assert [y.shape for y in found] == [(2, 3, 3), (2, 2, 3), (2, 1, 3)]
    w = parts(mixed)

    def vector(i: int, j: int) -> np.ndarray:
        within_first, across, within_second = w["score.weight"]
        if (i < 3) != (j < 3):
            return across
        return within_first if i < 3 else within_second

    for row in range(2):
        one, other = first[row].double().numpy(), second[row].double().numpy()
        x = np.array(
            [linear(w, "first", node) for node in one]
            + [linear(w, "second", node) for node in other]
        )
        y = normalised(w, attend(w, x, vector, 1.5), w["norm.running_mean"], w["norm.running_var"])
        assert found[0][row] == pytest.approx(y[:3], abs=BY_HAND)
        assert found[1][row] == pytest.approx(y[3:], abs=BY_HAND)
        m = master[row, 0].double().numpy()
        scores = [
            w["master_score.weight"][0] @ np.tanh(linear(w, "master_pair", node * m)) for node in x
        ]
        weights = softmax(np.array(scores) / 1.5)
        taken = sum(weight * node for weight, node in zip(weights, x, strict=True))
        expected = linear(w, "master_attended", taken) + linear(w, "master_own", m)
        assert found[2][row, 0] == pytest.approx(expected, abs=BY_HAND)


def test_another_order_of_the_nodes_gives_the_same_in_that_order(single, mixed):
    x, order = nodes(2, 6, 4), torch.tensor([3, 0, 5, 1, 4, 2])
    assert torch.allclose(single(x[:, order]), single(x)[:, order], atol=REORDERED)
    other, master = nodes(2, 4, 4, seed=2), nodes(2, 1, 4, seed=3)
    second = torch.tensor([2, 3, 1, 0])
    plain = mixed(x, other, master)
    moved = mixed(x[:, order], other[:, second], master)
    assert torch.allclose(moved[0], plain[0][:, order], atol=REORDERED)
    assert torch.allclose(moved[1], plain[1][:, second], atol=REORDERED)
    assert torch.allclose(moved[2], plain[2], atol=REORDERED)


def test_the_two_graphs_are_not_interchangeable(mixed):
    x, other, master = nodes(2, 3, 4), nodes(2, 3, 4, seed=2), nodes(2, 1, 4, seed=3)
    assert not torch.allclose(mixed(x, other, master)[2], mixed(other, x, master)[2], atol=1e-3)


@pytest.mark.parametrize(("size", "kept"), [(1, 1), (2, 1), (3, 1), (7, 3), (8, 4)])
def test_pooling_keeps_the_better_half_in_the_order_of_scores(size, kept):
    torch.manual_seed(0)
    pool = GraphPool(4).eval()
    x = nodes(3, size, 4)
    found = pool(x).detach().numpy()
    assert found.shape == (3, kept, 4)
    w = parts(pool)
    for row, one in enumerate(x.double().numpy()):
        scores = [1 / (1 + np.exp(-linear(w, "score", node)[0])) for node in one]
        best = sorted(range(size), key=lambda i: -scores[i])[:kept]
        expected = np.array([scores[i] * one[i] for i in best])
        assert found[row] == pytest.approx(expected, abs=BY_HAND)


def test_pooling_does_not_depend_on_the_order_of_the_nodes():
    torch.manual_seed(0)
    pool, x = GraphPool(4).eval(), nodes(2, 6, 4)
    assert torch.allclose(pool(x[:, [3, 0, 5, 1, 4, 2]]), pool(x), atol=REORDERED)


def test_nodes_drop_out_in_training_alone(single, mixed):
    torch.manual_seed(0)
    x, master, pool = nodes(2, 6, 4), nodes(2, 1, 4, seed=3), GraphPool(4)
    for layer, inputs in ((single, [x]), (mixed, [x, x, master]), (pool, [x])):
        layer.train()
        assert not torch.equal(layer(*inputs)[0], layer(*inputs)[0])
        layer.eval()
        assert torch.equal(layer(*inputs)[0], layer(*inputs)[0])
