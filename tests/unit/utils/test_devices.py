"""The device and the precision that are asked for, or an error that says why not."""

from pathlib import Path

import pytest
import torch

from fad.utils.devices import autocast, choose_device, machine, peak_memory_mb
from fad.utils.errors import FadError

CPU = torch.device("cpu")


def test_no_gpu_is_the_cpu_and_more_than_one_is_refused():
    assert choose_device(0) == CPU
    for ngpu in (2, -1):
        with pytest.raises(FadError, match=f"--ngpu {ngpu}.*give 0 or 1"):
            choose_device(ngpu)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(FadError, match="finds no GPU here; give --ngpu 0"):
        choose_device(1)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("auto", torch.float32), ("fp32", torch.float32), ("bf16", torch.bfloat16)],
)
def test_precision_on_a_cpu(precision, dtype):
    with autocast(CPU, precision):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_what_cannot_be_had_is_refused():
    with pytest.raises(FadError, match="fp16 needs a GPU; give fp32 or bf16"):
        autocast(CPU, "fp16")
    with pytest.raises(FadError, match="'half' is not one of auto, fp32, bf16, fp16"):
        autocast(CPU, "half")


def test_the_most_memory_is_what_the_kernel_says_in_mib():
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("needs Linux's /proc/self/status")
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    kernels = int(line.split()[1]) / 1024
    # Not less; more where the process that started this one was larger before it became this one.
    assert 0.95 * kernels <= peak_memory_mb(CPU) <= 100 * kernels


def test_the_machine_is_said_with_its_threads():
    assert machine() == machine()
    assert machine().endswith(f", {torch.get_num_threads()} threads")
    assert len(machine().partition(", ")[0]) > 2
