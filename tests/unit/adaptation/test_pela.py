"""PELA's ranks, its start by SVD or from a file, and what a model of it costs to load."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fad.adaptation import pela
from fad.adaptation.pela import PELA, FactoredLinear
from fad.config.resolve import load_config
from fad.encoders.checkpoint import pretrained_sha256
from fad.models.detector import (
    Detector,
    build_detector,
    load_detector,
    save_detector,
    write_weights,
)
from fad.models.parameters import count_config, read_shape
from fad.utils.errors import FadError
from fad.utils.files import write_text
from tests.helpers import contract
from tests.helpers.contract import logits


def build(mini_file, *overrides: str, seed: int = 0) -> Detector:
    torch.manual_seed(seed)
    conf = [f"adaptation_conf.{override}" for override in overrides]
    return build_detector(load_config("pela", conf), mini_file)


def layers(detector: Detector) -> dict[str, FactoredLinear]:
    named = detector.encoder.named_modules()
    return {name: module for name, module in named if isinstance(module, FactoredLinear)}


@pytest.mark.parametrize(
    ("ends", "c", "rank"),
    [((1024, 1024), 3, 170), ((1024, 4096), 3, 273), ((1024, 1024), 2, 256), ((8, 8), 0.1, 8)],
)
def test_the_rank_is_the_papers(ends, c, rank):
    assert pela._rank(nn.Linear(*ends, device="meta"), c) == rank


def test_of_xls_r_300m_a_third_of_the_weights_and_of_their_products_is_left():
    counted = count_config(load_config("pela"), read_shape(None)).parameters
    whole = 24 * (4 * 1024**2 + 2 * 1024 * 4096)
    assert counted["adaptation"] == 24 * (4 * 170 * 2048 + 2 * 273 * 5120) == 100_515_840
    assert whole == 301_989_888
    assert 0.33 < counted["adaptation"] / whole < 1 / 3
    assert counted["total"] == 317_390_592 - whole + counted["trainable"]


def test_it_starts_at_the_best_approximation_with_the_root_on_each_side(mini_file):
    base = build_detector(load_config("frozen"), mini_file).encoder
    for name, layer in layers(build(mini_file)).items():
        weight, rank = base.get_submodule(name).weight, layer.down.out_features
        size = torch.linalg.svdvals(weight)
        error = (layer.up.weight @ layer.down.weight - weight).square().sum().item()
        assert error == pytest.approx(size[rank:].square().sum().item(), rel=1e-3)
        assert torch.allclose(layer.up.weight.norm(dim=0) ** 2, size[:rank], rtol=1e-3)
        assert torch.allclose(layer.down.weight.norm(dim=1) ** 2, size[:rank], rtol=1e-3)
        assert layer.up.bias is not None
        assert not layer.up.bias.requires_grad


class WithoutRoots(FactoredLinear):
    """Planted: all of S on both sides."""

    @torch.no_grad()
    def approximate(self, weight):
        super().approximate(weight)
        size = torch.linalg.svdvals(weight)[: self.down.out_features]
        self.up.weight.mul_(size.sqrt())


def test_a_wrong_start_is_caught_by_step_0_at_full_rank(mini_file, monkeypatch):
    base = build_detector(load_config("frozen"), mini_file).eval()
    frames = contract.real_frames(base)
    found = contract.real_frames(build(mini_file, "c=0.5").eval())
    assert contract.largest_difference(found, frames) < 1e-4
    monkeypatch.setattr(pela, "FactoredLinear", WithoutRoots)
    found = contract.real_frames(build(mini_file, "c=0.5").eval())
    assert contract.largest_difference(found, frames) > 1e-2


def test_a_part_of_the_blocks_leaves_the_others_whole(mini_file):
    config = load_config("pela", ["encoder_conf.layers=[1]"])
    assert {name.split(".")[2] for name in layers(build_detector(config, mini_file))} == {"0"}


@pytest.fixture
def factors(mini_file, tmp_path):
    """Factors of 3 and what is said of them, in a file."""
    state = build(mini_file).adaptation.owned()
    state = {name: value.detach() + 1 for name, value in state.items()}
    about = {"base_sha256": pretrained_sha256(mini_file), "c": 3.0, "steps": 1}
    write_weights(tmp_path / "pela.safetensors", state, about)
    return tmp_path / "pela.safetensors", state, about


def test_it_starts_from_a_file_of_factors(mini_file, factors):
    path, state, _ = factors
    owned = build(mini_file, f"factors={path}").adaptation.owned()
    assert owned.keys() == state.keys()
    assert all(torch.equal(owned[name], state[name]) for name in state)
    assert all(value.requires_grad for value in owned.values())


def test_factors_of_more_blocks_serve_fewer(mini_file, factors):
    path, state, _ = factors
    config = load_config("pela", [f"adaptation_conf.factors={path}", "encoder_conf.layers=[1]"])
    owned = build_detector(config, mini_file).adaptation.owned()
    assert len(owned) == len(state) // 2
    assert all(torch.equal(owned[name], state[name]) for name in owned)


@pytest.mark.parametrize(
    ("change", "overrides", "expected"),
    [
        ({"base_sha256": "0" * 64}, (), "factors of another pre-trained file"),
        ({}, ("c=2",), r"factors for c = 3.0 of 12 layers, which do not fit c = 2 and 12 layers"),
        ({"c": None}, (), "factors for c = None"),
    ],
)
def test_factors_that_do_not_fit_are_refused(mini_file, factors, change, overrides, expected):
    path, state, about = factors
    write_weights(path, state, about | change)
    with pytest.raises(FadError, match=f"pela.safetensors: {expected}"):
        build(mini_file, f"factors={path}", *overrides)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_file_of_factors_that_is_cut_short_is_refused(mini_file, factors, share):
    path, *_ = factors
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(FadError, match=r"pela.safetensors: not a file of fad.bin.distill"):
        build(mini_file, f"factors={path}")


def test_another_file_and_a_missing_one_are_refused(mini_file, tmp_path):
    path = tmp_path / "other.safetensors"
    with pytest.raises(FadError, match=r"no such file of factors.*fad.bin.distill.*factors=null"):
        build(mini_file, f"factors={path}")
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(FadError, match=r"not a file of fad.bin.distill"):
        build(mini_file, f"factors={path}")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("c=0", "c is 0; it must be a number over 0"),
        ("c=three", "c is three"),
        ("c=100", "c is 100, which leaves .*q_proj no rank: lower it"),
        ("factors=3", "factors is 3; give the file that fad.bin.distill has written, or null"),
    ],
)
def test_what_cannot_be_is_refused(mini_file, override, expected):
    with pytest.raises(FadError, match=expected):
        build(mini_file, override)


def test_a_trained_model_needs_neither_its_first_factors_nor_an_svd(
    mini_file, factors, tmp_path, monkeypatch
):
    path, *_ = factors
    config = load_config("pela", [f"adaptation_conf.factors={path}"])
    detector = build_detector(config, mini_file)
    contract.train_steps(detector)
    write_text(tmp_path / "config.yaml", str({**config, "pretrained": {"path": str(mini_file)}}))
    save_detector(detector, tmp_path / "best.safetensors", pretrained_sha256(mini_file))
    path.unlink()

    def too_slow(*_, **__):
        raise AssertionError("minutes, for nothing")

    monkeypatch.setattr(torch.linalg, "svd", too_slow)
    assert torch.equal(logits(load_detector(tmp_path)), logits(detector.eval()))


def test_what_keeps_products_near_the_weights_is_the_papers(mini_file):
    base = build_detector(load_config("frozen"), mini_file).encoder
    student = build(mini_file)
    method: PELA = student.adaptation
    products = {
        name: layer.up.weight @ layer.down.weight for name, layer in layers(student).items()
    }
    changes = [(x - base.get_submodule(name).weight).abs().max() for name, x in products.items()]
    expected = (torch.stack(changes) - 1e-3).square().mean()
    found = method.perturbation(base)
    assert found.item() == pytest.approx(expected.item())
    wanted = torch.autograd.grad(expected, method.trainable())
    gradients = torch.autograd.grad(found, method.trainable())
    assert contract.largest_difference(gradients, wanted) < 1e-6
    assert all(gradient.any() for gradient in gradients)
