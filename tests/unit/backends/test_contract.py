"""What every registered back-end, and one of a user's own, must do."""

import pytest
import torch
from torch import Tensor

from fad.backends.base import Backend
from fad.config import registry
from fad.utils.errors import FadError

DIM, FRAMES = 12, 30


@pytest.fixture(params=[*registry.SLOTS["backend"], "own"])
def backend(request, monkeypatch) -> Backend:
    monkeypatch.setitem(registry.SLOTS["backend"], "own", "tests.helpers.own_parts:MeanPool")
    torch.manual_seed(0)
    return registry.get("backend", request.param)(dim=DIM, num_layers=1)


def hidden(batch: int = 4, frames: int = FRAMES, seed: int = 1) -> list[Tensor]:
    return [torch.randn(batch, frames, DIM, generator=torch.Generator().manual_seed(seed))]


def lens(batch: int = 4, frames: int = FRAMES) -> Tensor:
    return torch.full((batch,), frames)


def test_it_gives_an_embedding_and_logits_of_it(backend):
    backend.eval()
    embedding = backend.embed(hidden(), lens())
    assert embedding.shape == (4, backend.embed_dim)
    logits = backend(hidden(), lens())
    assert logits.shape == (4, 2)
    assert torch.equal(logits, backend.logits(embedding))


def test_every_parameter_gets_a_gradient(backend):
    # With one output its softmax weight is 1 whatever it is: pool is shown two.
    torch.manual_seed(0)
    x = hidden()
    if isinstance(backend, registry.get("backend", "pool")):
        backend, x = type(backend)(dim=DIM, num_layers=2), hidden() + hidden(seed=2)
    # In eval, so that no dropout decides it.
    backend.eval()(x, lens())[:, 1].exp().sum().backward()
    dead = [name for name, value in backend.named_parameters() if not value.grad.abs().sum() > 0]
    assert dead == []


def test_a_result_moves_with_its_utterance_and_does_not_depend_on_the_others(backend):
    backend.eval()
    (x,) = hidden()
    whole = backend([x], lens())
    order = [2, 0, 3, 1]
    assert backend([x[order]], lens())[:, :].sub(whole[order]).abs().max() < 1e-5
    alone = torch.cat([backend([x[n : n + 1]], lens(1)) for n in range(4)])
    assert (alone - whole).abs().max() < 1e-5


def test_padding_is_masked_or_refused(backend):
    backend.eval()
    (x,) = hidden()
    padded = torch.cat([x, torch.full((4, 9, DIM), 7.0)], dim=1)
    if backend.equal_lengths:
        with pytest.raises(FadError, match="one length"):
            backend([padded], torch.tensor([FRAMES, FRAMES + 9, FRAMES, FRAMES]))
    else:
        assert (backend([padded], lens()) - backend([x], lens())).abs().max() < 1e-5


def test_saved_and_loaded_it_gives_the_same(backend):
    backend.train()(hidden(), lens())  # running statistics move
    other = type(backend)(dim=DIM, num_layers=1)
    other.load_state_dict(backend.state_dict(), strict=True)
    assert torch.equal(other.eval()(hidden(), lens()), backend.eval()(hidden(), lens()))


def test_bfloat16_is_near_float32(backend):
    backend.eval()
    exact = backend(hidden(), lens())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = backend([x.bfloat16() for x in hidden()], lens())
    assert (rounded.float() - exact).abs().max() < 0.05 * exact.abs().max()


def test_gradients_of_shares_add_up_to_those_of_the_batch(backend):
    """So several processes train as one; in eval, as batch statistics are each process's own."""
    backend.eval()
    (x,) = hidden()

    def gradients(*shares: slice) -> list[Tensor]:
        backend.zero_grad()
        for share in shares:
            backend([x[share]], lens(4)[share]).square().sum().backward()
        return [value.grad.clone() for value in backend.parameters() if value.grad is not None]

    whole, parts = gradients(slice(0, 4)), gradients(slice(0, 1), slice(1, 4))
    for one, other in zip(whole, parts, strict=True):
        assert (one - other).abs().max() <= 1e-4 * one.abs().max().clamp(min=1e-3)


def test_logits_of_frames_are_given_or_refused(backend):
    if backend.frame_hop is None:
        with pytest.raises(FadError, match="gives no logits of frames"):
            backend.frame_logits(hidden(), lens())
    else:
        frames = backend.frame_logits(hidden(), lens())
        assert frames.shape == (4, -(-FRAMES // backend.frame_hop), 2)


def test_what_it_sets_from_data_needs_no_more_than_batches_of_outputs(backend):
    backend.eval().init_from_data((hidden(seed=n), lens()) for n in range(3))
    assert torch.isfinite(backend(hidden(), lens())).all()
