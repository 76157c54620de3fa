"""What dynamic pruning with feedback prunes and when, what grows back, and what its file holds."""

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from fad.adaptation import dpf
from fad.adaptation.base import TrainState
from fad.adaptation.dpf import MaskedLinear, kth_magnitude, pack_bits, unpack_bits
from fad.config.resolve import load_config
from fad.encoders.checkpoint import pretrained_sha256
from fad.models.detector import Detector, build_detector, load_detector, save_detector
from fad.train.checkpointing import load_checkpoint
from fad.utils.errors import FadError
from fad.utils.files import write_text
from tests.helpers import contract
from tests.helpers.contract import logits
from tests.helpers.experiment import train
from tests.unit.adaptation import test_contract as clauses

WEIGHTS = 2 * (4 * 48**2 + 2 * 48 * 96)  # that can be pruned


def build(mini_file, *overrides: str, seed: int = 0) -> Detector:
    torch.manual_seed(seed)
    conf = [f"adaptation_conf.{override}" for override in overrides]
    return build_detector(load_config("dpf", conf), mini_file)


def end_step(detector: Detector, step: int, total: int) -> None:
    """As if a step of the optimizer were done."""
    detector.adaptation.after_step(TrainState(step, total, None, None))


def layers(detector: Detector) -> list[MaskedLinear]:
    return [module for module in detector.encoder.modules() if isinstance(module, MaskedLinear)]


def number_pruned(detector: Detector) -> int:
    return sum(int((~layer.mask).sum()) for layer in layers(detector))


def test_the_share_of_zeros_follows_the_cubic_ramp_and_stays(mini_file):
    detector = build(mini_file, "sparsity=0.8", "ramp=0.5", "every=8")
    found = {}
    for step in range(1, 65):
        end_step(detector, step, 64)
        found[step] = number_pruned(detector)
        assert detector.adaptation.is_complete == (step >= 32)
    assert found[7] == 0
    for step in (8, 16, 24):
        share = 0.8 - 0.8 * (1 - step / 32) ** 3
        assert found[step] == found[step + 7] == int(share * WEIGHTS)
    assert {found[step] for step in range(32, 65)} == {int(0.8 * WEIGHTS)}


def test_the_full_sparsity_comes_at_the_ramps_end_whatever_the_period(mini_file):
    detector = build(mini_file, "sparsity=0.8", "ramp=0.5", "every=16")
    for step in range(1, 11):
        end_step(detector, step, 20)
    assert number_pruned(detector) == int(0.8 * WEIGHTS)


def test_the_smallest_of_all_layers_together_are_pruned(mini_file):
    detector = build(mini_file, "ramp=1.0")
    with torch.no_grad():
        layers(detector)[0].weight.mul_(100)
    end_step(detector, 1, 1)
    kept = [layer.weight[layer.mask].abs() for layer in layers(detector)]
    pruned = [layer.weight[~layer.mask].abs() for layer in layers(detector)]
    assert torch.cat(kept).min() > torch.cat(pruned).max()
    shares = [layer.mask.float().mean().item() for layer in layers(detector)]
    assert shares[0] > 0.9
    assert max(shares[1:]) < 0.2


def gradient_of(layer: MaskedLinear) -> torch.Tensor:
    x = torch.randn(5, layer.in_features, generator=torch.Generator().manual_seed(0))
    layer(x).square().sum().backward()
    return layer.weight.grad


def expected_gradient(layer: MaskedLinear) -> torch.Tensor:
    x = torch.randn(5, layer.in_features, generator=torch.Generator().manual_seed(0))
    kept = (layer.weight * layer.mask).detach().requires_grad_()
    F.linear(x, kept, layer.bias).square().sum().backward()
    return kept.grad


def test_the_gradient_at_the_masked_weight_goes_to_the_dense_one(mini_file):
    detector = build(mini_file)
    end_step(detector, 1, 2)
    layer = layers(detector)[0]
    found = gradient_of(layer)
    assert torch.equal(found, expected_gradient(layer))
    assert found[~layer.mask].abs().min() > 0


class _Blocked(torch.autograd.Function):
    """Planted: the gradient of a product, which is zero where the mask is."""

    @staticmethod
    def forward(ctx, weight, mask):
        ctx.save_for_backward(mask)
        return weight * mask

    @staticmethod
    def backward(ctx, grad):
        (mask,) = ctx.saved_tensors
        return grad * mask, None


def test_a_gradient_without_feedback_would_be_seen(mini_file, monkeypatch):
    monkeypatch.setattr(dpf, "_Masked", _Blocked)
    detector = build(mini_file)
    end_step(detector, 1, 2)
    layer = layers(detector)[0]
    assert not torch.equal(gradient_of(layer), expected_gradient(layer))


def test_a_weight_that_was_pruned_grows_back(mini_file):
    detector = build(mini_file, "every=1")
    end_step(detector, 1, 2)
    layer = layers(detector)[0]
    before = layer.mask.clone()
    with torch.no_grad():
        layer.weight[~before] += 10
    end_step(detector, 2, 2)
    assert layer.mask[~before].all()
    assert number_pruned(detector) == int(0.9 * WEIGHTS)


@pytest.fixture
def saved(mini_file, tmp_path):
    """A pruned detector and the folder that it was saved in."""
    detector = build(mini_file)
    contract.train_steps(detector)
    write_text(
        tmp_path / "config.yaml",
        str({**load_config("dpf"), "pretrained": {"path": str(mini_file)}}),
    )
    save_detector(detector, tmp_path / "best.safetensors", pretrained_sha256(mini_file))
    return detector.eval(), tmp_path


def test_the_file_of_the_model_is_smaller_by_the_sparsity_and_scores_the_same(saved):
    detector, folder = saved
    state = load_file(folder / "best.safetensors")
    packed = sum(x.nbytes for name, x in state.items() if name.endswith((".kept", ".values")))
    assert packed == pytest.approx(WEIGHTS * (0.1 * 4 + 1 / 8), rel=1e-3)
    loaded = load_detector(folder)
    assert torch.equal(logits(loaded), logits(detector))
    loaded.adaptation.merge()
    assert torch.equal(logits(loaded), logits(detector))
    weight = loaded.encoder.encoder.layers[0].fc1.weight
    assert int((weight == 0).sum()) > 0.5 * weight.numel()


def test_what_resumes_is_dense(saved):
    detector, _ = saved
    layer = layers(detector)[0]
    state = detector.trained_state()
    assert state["encoder.encoder.layers.0.self_attn.q_proj.weight"][~layer.mask].all()
    assert torch.equal(state["encoder.encoder.layers.0.self_attn.q_proj.mask"], layer.mask)


FC1 = "encoder.encoder.layers.0.fc1"


@pytest.mark.parametrize(
    ("part", "edit"),
    [
        ("kept", lambda x: x[:-1]),
        ("kept", lambda x: x.float()),
        ("kept", lambda x: 255 - x),
        ("values", lambda x: torch.cat([x, x[:1]])),
        ("values", lambda x: x[None]),
        ("values", lambda x: x.half()),
        ("values", lambda x: None),
    ],
)
def test_a_packed_weight_that_does_not_fit_is_refused(saved, part, edit):
    _, folder = saved
    path = folder / "best.safetensors"
    state = load_file(path)
    new = edit(state.pop(f"{FC1}.{part}"))
    state |= {} if new is None else {f"{FC1}.{part}": new}
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
    save_file(state, path, metadata=about)
    with pytest.raises(FadError, match=r"best.safetensors: does not fit its config.*fc1"):
        load_detector(folder)


class ForgetsItsMasks(dpf.DPF):
    """Planted: saves what trains, and not what it prunes."""

    def saved(self):
        return dict(self.owned())


def test_masks_that_are_not_saved_are_caught(mini_file, monkeypatch):
    monkeypatch.setattr(dpf, "DPF", ForgetsItsMasks)
    trained = build(mini_file)
    before = contract.frozen_state(trained)
    contract.train_steps(trained)
    assert contract.changed(before, contract.frozen_state(trained)) != []
    assert contract.reload_difference(trained, build(mini_file, seed=1)) > 1e-3


class ExportsRounded(dpf.DPF):
    """Planted: a file that is smaller still, and not quite the model."""

    def _kept_values(self, layer):
        return super()._kept_values(layer).half().float()


def test_a_file_that_is_not_the_model_to_the_bit_is_caught(mini_file, tmp_path, monkeypatch):
    monkeypatch.setattr(dpf, "DPF", ExportsRounded)
    with pytest.raises(AssertionError):
        clauses.test_saved_while_in_eval_and_reloaded_the_scores_are_identical(
            clauses.Case("dpf", "xlsr", mini_file), tmp_path
        )


@pytest.mark.parametrize(("ramp", "first"), [("0.34", 2), ("1.0", 3)])
def test_no_epoch_before_the_full_sparsity_is_the_best(mini_file, tiny_dump, tmp_path, ramp, first):
    options = (f"adaptation_conf.ramp={ramp}", "train.epochs=3", "train.patience=1")
    exp = train(tmp_path, mini_file, tiny_dump, "dpf", *options, "train.lr=1e-4")
    progress, _ = load_checkpoint(exp / "checkpoint.pt")
    assert progress.best["epoch"] >= first
    assert len(progress.history) >= first
    values = load_file(exp / "best.safetensors")
    kept = sum(x.numel() for name, x in values.items() if name.endswith(".values"))
    assert kept == WEIGHTS - int(0.9 * WEIGHTS)


def test_the_threshold_is_that_of_sorting():
    generator = torch.Generator().manual_seed(0)
    parts = [torch.randn(37, 53, generator=generator), torch.zeros(5), 1e-30 * torch.ones(2, 2)]
    ordered = torch.cat([part.abs().flatten() for part in parts]).sort().values
    for number in (1, 5, 6, 9, 10, 1000, len(ordered)):
        assert kth_magnitude(parts, number) == ordered[number - 1].item()
    assert kth_magnitude(parts, 0) < 0


@pytest.mark.parametrize("size", [1, 7, 8, 9, 48 * 96])
def test_bits_are_unpacked_as_they_were_packed(size):
    mask = torch.rand(size, generator=torch.Generator().manual_seed(size)) > 0.5
    packed = pack_bits(mask)
    assert packed.shape == (-(-size // 8),)
    assert torch.equal(unpack_bits(packed, size), mask)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("sparsity=1", "sparsity is 1"),
        ("sparsity=-0.1", "sparsity is -0.1"),
        ("sparsity=high", "sparsity is high"),
        ("ramp=0", "ramp is 0"),
        ("ramp=1.5", "ramp is 1.5"),
        ("every=0", "every is 0"),
        ("every=1.5", "every is 1.5"),
    ],
)
def test_what_cannot_be_is_refused(mini_file, override, expected):
    with pytest.raises(FadError, match=expected):
        build(mini_file, override)
