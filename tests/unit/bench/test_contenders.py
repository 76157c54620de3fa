"""The contenders on a small model: that each does what the bench says it does."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from tests.bench import floor, work
from tests.bench.contenders import CONTENDERS
from tests.bench.work import Work


@pytest.fixture
def small(mini_file) -> Work:
    return Work(str(mini_file), batch=2, samples=1600, rank=3)


@pytest.fixture
def trained(monkeypatch) -> list[torch.nn.Parameter]:
    """What AdamW was given, filled as a contender is built."""
    found = []

    class Watched(torch.optim.AdamW):
        def __init__(self, parameters, **options):
            found.extend(parameters)
            super().__init__(found, **options)

    monkeypatch.setattr(work.torch.optim, "AdamW", Watched)
    return found


@pytest.mark.parametrize("name", ["lora_dump", "lora_audio", "full"])
def test_ours_trains_all_that_it_should(small, trained, name):
    step = CONTENDERS[name].build(small)
    step()
    assert trained and all(value.grad is not None for value in trained)


@pytest.mark.parametrize("name", ["transformers", "fairseq", "score", "floor", "score_floor"])
def test_what_does_not_train_keeps_no_graph(small, trained, name):
    found = CONTENDERS[name].build(small)()
    assert not trained
    assert found is None or not found.requires_grad


def test_peft_and_fad_train_adapters_of_the_same_size(small, trained):
    pytest.importorskip("peft", reason="`tools/setup.sh --extras bench` installs it")
    for name in ("lora_dump", "peft", "peft_default"):
        trained.clear()
        CONTENDERS[name].build(small)
        adapters = [value for value in trained if value.dim() == 2 and small.rank in value.shape]
        # Two blocks, query and value, both matrices of each.
        assert sum(value.numel() for value in adapters) == 2 * 2 * small.rank * (48 + 48), name


@pytest.mark.parametrize(("name", "convolved"), [("peft", False), ("peft_default", True)])
def test_peft_is_spared_the_gradient_of_a_frozen_frontend(small, name, convolved):
    pytest.importorskip("peft", reason="`tools/setup.sh --extras bench` installs it")
    step = CONTENDERS[name].build(small)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        step()
    operators = {event.key for event in profiled.key_averages()}
    assert ("aten::convolution_backward" in operators) == convolved


def test_the_floor_multiplies_what_a_block_does(small):
    """Of each block four square products and two of the feed-forward part, at the batch's rows."""
    products = floor._products(small)
    assert [tuple(product.weight.shape) for product in products[:6]] == [(48, 48)] * 4 + [
        (96, 48),
        (48, 96),
    ]
    assert len(products) == 12
    products[4].forward()
    torch.testing.assert_close(products[4].y, products[4].x @ products[4].weight.t())
    products[4].backward()
    torch.testing.assert_close(products[4].grad_x, products[4].grad_y @ products[4].weight)
