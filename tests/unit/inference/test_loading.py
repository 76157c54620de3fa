"""A model that is ready to score: merged, and in the precision asked for."""

import pytest
import torch
from torch import nn

from fad.adaptation.base import NotMergeable
from fad.adaptation.lora import LoRA, LowRankLinear
from fad.config.resolve import load_config, read_yaml
from fad.encoders.checkpoint import pretrained_sha256
from fad.encoders.int8 import Int8Linear
from fad.inference.loading import load_for_scoring
from fad.models.detector import build_detector, load_detector, save_detector
from fad.utils.errors import FadError
from fad.utils.files import write_text
from tests.helpers import contract
from tests.helpers.contract import logits

CPU = torch.device("cpu")
MERGED = 1e-5  # W x + B A x against (W + B A) x in float32, on logits near 1
INT8 = 0.02  # on the same, of two blocks of width 48


METHODS = ("frozen", "lora", "full", "lorta", "adapter", "bitfit", "last", "relora", "stochastic")
METHODS += ("dpf", "pela", "dgsct")


@pytest.fixture(scope="module", params=METHODS)
def model(request, mini_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exp")
    torch.manual_seed(0)
    detector = build_detector(load_config(request.param), mini_file)
    contract.train_steps(detector)
    config = {**load_config(request.param), "pretrained": {"path": str(mini_file)}}
    write_text(folder / "config.yaml", str(config))
    save_detector(detector, folder / "best.safetensors", pretrained_sha256(mini_file))
    return folder


def kinds(detector) -> set[type]:
    return {type(module) for module in detector.modules()}


def test_scores_are_those_of_the_model_as_it_was_trained(model):
    ready, trained = load_for_scoring(model, None, CPU, "fp32"), load_detector(model)
    assert (logits(ready) - logits(trained)).abs().max().item() <= MERGED
    assert LowRankLinear not in kinds(ready)
    assert not ready.training


def test_scores_in_integers_are_near_and_no_float_weight_is_left(model):
    ready, trained = load_for_scoring(model, None, CPU, "int8"), load_detector(model)
    difference = (logits(ready) - logits(trained)).abs().max().item()
    assert 0 < difference < INT8
    assert Int8Linear in kinds(ready)
    assert not any(isinstance(m, nn.Linear) for m in ready.encoder.encoder.layers.modules())


def test_what_cannot_be_merged_scores_as_it_is_in_float_alone(mini_file, tmp_path, monkeypatch):
    def merge(_self):
        raise NotMergeable("it is not linear")

    torch.manual_seed(0)
    detector = build_detector(load_config("lora"), mini_file)
    contract.train_steps(detector)
    config = {**load_config("lora"), "pretrained": {"path": str(mini_file)}}
    write_text(tmp_path / "config.yaml", str(config))
    save_detector(detector, tmp_path / "best.safetensors", pretrained_sha256(mini_file))
    monkeypatch.setattr(LoRA, "merge", merge)
    ready = load_for_scoring(tmp_path, None, CPU, "fp32")
    assert LowRankLinear in kinds(ready)
    assert torch.equal(logits(ready), logits(load_detector(tmp_path)))
    with pytest.raises(FadError, match=r"this adaptation cannot be merged.*give --precision fp32"):
        load_for_scoring(tmp_path, None, CPU, "int8")


def test_a_precision_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(FadError, match="--precision int4: give one of fp32, int8"):
        load_for_scoring(tmp_path, None, CPU, "int4")


def test_what_cannot_compute_less_is_refused(model):
    if read_yaml(model / "config.yaml")["adaptation"] == "stochastic":
        ready, whole = (load_for_scoring(model, None, CPU, "fp32", n) for n in (2, 1))
        assert (logits(ready) - logits(whole)).abs().max().item() > MERGED
        ints = load_for_scoring(model, None, CPU, "int8", 2)
        assert 0 < (logits(ready) - logits(ints)).abs().max().item() < INT8
        return
    with pytest.raises(FadError, match=r"--compute 2: the method \w+ has only one cost"):
        load_for_scoring(model, None, CPU, "fp32", 2)
