"""What torch.distributed is asked for, and that signals are obeyed while others are waited for."""

import os
import signal
import threading

import pytest
import torch
import torch.distributed as dist

from fad.train import world
from fad.train.stopping import Stopped, StopSignals
from fad.train.world import OthersLost, TorchrunWorld, joined


@pytest.fixture
def group(monkeypatch):
    """A group of two processes of which nobody else exists; the words of its calls."""
    calls = {}
    monkeypatch.setattr(dist, "get_rank", lambda: 0)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: None)
    monkeypatch.setattr(
        dist, "init_process_group", lambda backend, **more: calls.update(backend=backend, **more)
    )
    return calls


class Work:
    """A sum that others have not joined yet."""

    def __init__(self, others_come: bool) -> None:
        self.looks, self.others_come = 0, others_come

    def is_completed(self) -> bool:
        self.looks += 1
        return self.others_come and self.looks > 3

    def wait(self) -> None:
        if not self.is_completed():
            raise AssertionError("this would wait where no signal is handled")


@pytest.mark.parametrize(("ngpu", "backend"), [(0, "gloo"), (2, "nccl")])
def test_nccl_is_told_its_gpu(group, monkeypatch, ngpu, backend):
    for name, value in {"WORLD_SIZE": "2", "LOCAL_RANK": "1", "TORCHELASTIC_RUN_ID": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(world, "use_tf32", lambda *_: False)
    monkeypatch.setattr(world, "_end_with_torchrun", lambda: None)
    with joined(ngpu) as (_, device):
        pass
    expected = torch.device("cuda", 1) if ngpu else None
    assert group == {"backend": backend, "device_id": expected}
    assert device == (expected or torch.device("cpu"))


def test_a_patient_sum_ends_when_all_have_come(group, monkeypatch):
    work = Work(others_come=True)
    monkeypatch.setattr(dist, "all_reduce", lambda value, async_op: work)
    value = torch.ones(2)
    assert TorchrunWorld().sum_patiently(value) is value
    assert work.looks > 3


def test_a_signal_ends_a_patient_sum_that_nobody_joins(group, monkeypatch):
    monkeypatch.setattr(dist, "all_reduce", lambda value, async_op: Work(others_come=False))
    with StopSignals(), pytest.raises(Stopped):
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        TorchrunWorld().sum_patiently(torch.ones(2))


def test_a_lost_process_is_known_by_the_sum(group, monkeypatch):
    def refused(value, async_op):
        raise RuntimeError("connection closed by peer")

    monkeypatch.setattr(dist, "all_reduce", refused)
    with pytest.raises(OthersLost, match="connection closed by peer"):
        TorchrunWorld().sum_patiently(torch.ones(2))
