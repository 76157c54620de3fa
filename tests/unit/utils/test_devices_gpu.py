"""What is chosen for a GPU, with a GPU that only says what it is."""

import pytest
import torch

from fad.data import workers
from fad.data.workers import Loader, size_of
from fad.utils import devices
from fad.utils.devices import autocast, place, use_tf32

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


def test_memory_is_pinned_only_for_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Loader([1], [[0]], list, 0).pin_memory is False
    assert Loader([1], [[0]], list, 0, pin_memory=True).pin_memory is True


@pytest.mark.parametrize("room", [100, None, 10**12])
def test_workers_are_left_out_where_their_batches_do_not_fit(monkeypatch, caplog, room):
    """Otherwise they print tracebacks, and training waits for them for ever."""
    monkeypatch.setattr(workers, "room_in_shared_memory", lambda: room)
    data = [torch.full((10,), float(n)) for n in range(6)]
    loader = Loader(data, [[0, 1], [2, 3], [4, 5]], torch.stack, num_workers=2)
    found = [batch[:, 0].tolist() for batch in loader]
    assert found == [[0, 1], [2, 3], [4, 5]]
    assert (loader.num_workers == 0) == (room == 100)
    assert ("reading goes on without them" in caplog.text) == (room == 100)


def test_the_size_of_a_batch_is_that_of_its_tensors():
    class Batch:
        def __init__(self):
            self.inputs, self.lens, self.names = torch.zeros(2, 3), torch.zeros(2), ["a", "b"]

    assert size_of(Batch()) == 4 * (6 + 2)
