"""What is chosen for a GPU, with a GPU that only says what it is."""

import pytest
import torch

from fad.data.workers import Loader
from fad.inference import loading
from fad.models.detector import build_detector
from fad.utils import devices
from fad.utils.devices import advise_precision, autocast, place, use_tf32
from tests.helpers.experiment import small_config

CUDA = torch.device("cuda")


@pytest.fixture(autouse=True)
def flags(monkeypatch):
    """Flags of torch are as before at the end."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@pytest.mark.parametrize(("native", "enabled"), [(True, True), (False, False)])
def test_auto_takes_bf16_only_where_the_gpu_computes_in_it(monkeypatch, native, enabled):
    """A T4 or a V100 can make bf16 tensors, and says so if emulation counts."""

    def supported(including_emulation=True):
        return including_emulation or native

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert isinstance(autocast(CUDA, "auto"), torch.autocast) == enabled


@pytest.mark.parametrize(
    ("native", "precision", "told"),
    [(False, "auto", True), (True, "auto", False), (False, "fp32", False)],
)
def test_a_gpu_without_bf16_is_told_of_fp16(monkeypatch, caplog, native, precision, told):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    advise_precision(CUDA, precision)
    assert ("train.precision=fp16 may be much faster" in caplog.text) == told
    advise_precision(torch.device("cpu"), "auto")  # asks no GPU


def test_convolutions_round_only_beside_half_precision(monkeypatch):
    assert use_tf32(CUDA, "fp32") is False
    assert torch.backends.cudnn.allow_tf32 is False
    assert use_tf32(CUDA, "bf16") is True
    assert torch.backends.cudnn.allow_tf32 is True
    assert torch.backends.cuda.matmul.allow_tf32 is False
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A100")
    assert place(CUDA, 1)["device"] == "A100, TF32 convolutions"
    use_tf32(CUDA, "fp32")
    assert place(CUDA, 1)["device"] == "A100"


def test_a_cpu_leaves_them_alone():
    torch.backends.cudnn.allow_tf32 = True
    assert use_tf32(torch.device("cpu"), "fp32") is False
    assert torch.backends.cudnn.allow_tf32 is True


def test_the_device_is_chosen_without_rounding(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    torch.backends.cudnn.allow_tf32 = True
    assert devices.choose_device(1).type == "cuda"
    assert torch.backends.cudnn.allow_tf32 is False


def test_a_model_that_is_loaded_to_score_does_not_round(monkeypatch, mini_file, tmp_path):
    """Also by `fad.load`, which is given a device and chooses none."""
    asked = []
    monkeypatch.setattr(loading, "use_tf32", lambda *words: asked.append(words))
    detector = build_detector(small_config(), mini_file)
    monkeypatch.setattr(loading, "load_detector", lambda *_: detector)
    loading.load_for_scoring(tmp_path, None, torch.device("cpu"), "fp32")
    assert asked == [(torch.device("cpu"), "fp32")]


def test_memory_is_pinned_only_for_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Loader([1], [[0]], list, 0).loader.pin_memory is False
    assert Loader([1], [[0]], list, 0, pin_memory=True).loader.pin_memory is True
