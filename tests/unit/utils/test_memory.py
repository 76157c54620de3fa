"""Out of memory is one line with the peak and the remedy, and never a file's fault."""

import errno
import os
import signal

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fad.encoders.pickled import load_pickled
from fad.train.checkpointing import Progress, load_checkpoint, only_this_training, save_checkpoint
from fad.train.world import _others_needed
from fad.utils.cli import run
from fad.utils.errors import FadError
from fad.utils.memory import is_out_of_memory

GPU = torch.OutOfMemoryError(
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB"
)
CPU = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 4611686018427387904 bytes. Error code 12 (Cannot allocate memory)\n"
    "Exception raised from alloc_cpu (most recent call first):"
)
ERRORS = {
    "python": MemoryError(),
    "system": OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    "GPU": GPU,
    "CPU": CPU,
    "CUDA": torch.AcceleratorError("CUDA error: out of memory", 2),
    "cuBLAS": RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_it_is_one_line_with_device_peak_and_remedy(capsys, monkeypatch, name):
    monkeypatch.setattr("sys.argv", ["train.py"])

    def main(_):
        raise ERRORS[name]

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train.py: error: out of memory (cpu, peak ")
    assert "lower train.batch_size" in line


def test_what_was_asked_for_is_said_and_the_peak_is_the_gpus(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py"])
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: 7 * 2**30)

    def main(_):
        raise GPU

    with pytest.raises(SystemExit):
        run(main)
    said = capsys.readouterr().err
    assert f"out of memory (cuda, peak {7 * 2**10} MB): {GPU}: lower" in said


class Greedy(list):
    def __getitem__(self, index):
        return np.zeros(1 << 60, dtype=np.float32)


def test_that_of_a_data_worker_is_said_as_its_own(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py"])
    with pytest.raises(SystemExit):
        run(lambda _: next(iter(DataLoader(Greedy("a"), num_workers=1))))
    (line,) = capsys.readouterr().err.splitlines()
    assert "Unable to allocate 4.00 EiB for an array" in line


class Killed(list):
    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGKILL)  # as the system does to the largest process


def test_a_data_worker_that_was_killed_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py"])
    with pytest.raises(SystemExit):
        run(lambda _: next(iter(DataLoader(Killed("a"), num_workers=1))))
    (line,) = capsys.readouterr().err.splitlines()
    assert "A process that reads data has died, mostly ended by the system" in line


def test_other_errors_stay_what_they_are():
    assert not is_out_of_memory(RuntimeError("shape mismatch"))
    assert not is_out_of_memory(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(RuntimeError, match="shape mismatch"):
        run(lambda _: (_ for _ in ()).throw(RuntimeError("shape mismatch")))


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_no_file_is_blamed(tmp_path, monkeypatch, error):
    """Who believed that the file is at fault would remove days of work."""
    save_checkpoint(tmp_path / "checkpoint.pt", Progress("dev_eer"), {})

    def full(*_, **__):
        raise error

    monkeypatch.setattr(torch, "load", full)
    for read in (load_checkpoint, load_pickled):
        with pytest.raises(type(error)):
            read(tmp_path / "checkpoint.pt")
    with pytest.raises(type(error)), only_this_training(tmp_path / "checkpoint.pt"):
        full()


def test_another_training_is_still_named(tmp_path):
    with (
        pytest.raises(FadError, match=r"checkpoint.pt: not the state of this training; remove it"),
        only_this_training(tmp_path / "checkpoint.pt"),
    ):
        raise RuntimeError("Error(s) in loading state_dict: size mismatch")


def test_no_other_process_is_taken_for_dead():
    with pytest.raises(torch.OutOfMemoryError), _others_needed():
        raise GPU
