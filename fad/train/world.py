"""The processes that train together: those of torchrun, or a single one.

Each has the whole model. After the backward passes of a step the gradients of the trained
parameters are summed, so that every process takes the same step.
"""

import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.elastic.multiprocessing.errors import get_error_handler

from fad.utils.devices import use_tf32
from fad.utils.errors import FadError
from fad.utils.memory import let_pass

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
_PATIENCE = 60.0  # seconds
_POLL = 0.002  # seconds
_BUCKET = 1 << 22  # elements summed in a call: few calls for LoRA, little memory for full tuning

logger = logging.getLogger(__name__)


class World:
    """A single process; sums return their input.

    Attributes:
        rank: the number of this process, from 0; only process 0 writes files.
        size: the number of processes.
    """

    rank, size = 0, 1

    def sum(self, value: Tensor) -> Tensor:
        """The sum over all processes, in place; any shape, the same in all processes."""
        return value

    def sum_patiently(self, value: Tensor) -> Tensor:
        """As `sum`, where others may come much later: signals are handled meanwhile."""
        return value

    def broadcast(self, values: Iterable[Tensor]) -> None:
        """Copies the values of process 0 to all processes, in place; any shapes."""

    def barrier(self) -> None:
        """Waits for all processes."""

    def mean(self, values: Iterable[Tensor]) -> None:
        """Replaces values with their means over all processes, in place; integers stay."""
        if self.size == 1:
            return
        for value in values:
            if value.is_floating_point():
                self.sum(value).div_(self.size)

    @torch.no_grad()
    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Sums the gradients over all processes; a missing gradient counts as zero."""
        if self.size == 1:
            return
        for bucket in _buckets([_gradient(parameter) for parameter in parameters]):
            flat = self.sum(torch.cat([grad.flatten() for grad in bucket]))
            for grad, total in zip(bucket, flat.split([g.numel() for g in bucket]), strict=True):
                grad.copy_(total.view_as(grad))


class OthersLost(Exception):
    """Another process of this run has died, so sums are no longer possible."""


class TorchrunWorld(World):
    """The processes that torchrun started."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def sum(self, value: Tensor) -> Tensor:
        with _others_needed():
            dist.all_reduce(value)
        return value

    def sum_patiently(self, value: Tensor) -> Tensor:
        with _others_needed():
            work = dist.all_reduce(value, async_op=True)
            while work is not None and not work.is_completed():
                time.sleep(_POLL)  # in which signal handlers run; inside CUDA they would not
            if work is not None:
                work.wait()
        return value

    def broadcast(self, values: Iterable[Tensor]) -> None:
        with _others_needed():
            for value in values:
                dist.broadcast(value, src=0)

    def barrier(self) -> None:
        with _others_needed():
            dist.barrier()


@contextmanager
def _others_needed() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        let_pass(error)
        raise OthersLost(" ".join(str(error).split())[:200]) from error


def _gradient(parameter: Tensor) -> Tensor:
    """The gradient, made of zeros where there is none."""
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad


def _buckets(grads: list[Tensor]) -> Iterator[list[Tensor]]:
    """Groups neighbours of one type, at most `_BUCKET` elements in a group, or one gradient."""
    bucket: list[Tensor] = []
    for grad in grads:
        full = sum(other.numel() for other in bucket) + grad.numel() > _BUCKET
        if bucket and (full or grad.dtype != bucket[0].dtype):
            yield bucket
            bucket = []
        bucket.append(grad)
    if bucket:
        yield bucket


@contextmanager
def joined(ngpu: int) -> Iterator[tuple[World, torch.device]]:
    """Joins torchrun's processes if this is one of them; yields the world and the device.

    Args:
        ngpu: the GPUs of all processes; with 0 any number of processes train on the CPU, otherwise
            each process has one GPU.

    Raises:
        FadError: there are too few GPUs, or the numbers of processes and GPUs differ.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if ngpu and ngpu != processes:
        raise FadError(
            f"--ngpu {ngpu} in {processes} process(es): each GPU wants one: start them with "
            f"utils/launch.py --nproc_per_node {ngpu} -m fad.bin.train ..."
        )
    device = _device(ngpu)
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield World(), device
        return
    _end_with_torchrun()
    dist.init_process_group("nccl" if ngpu else "gloo", device_id=device if ngpu else None)
    try:
        yield TorchrunWorld(), device
    except OthersLost as error:
        logger.warning("process %d has lost another one: %s", dist.get_rank(), error)
        time.sleep(_PATIENCE)  # torchrun finds the process that died first and then ends this one
        raise
    except Exception as error:
        get_error_handler().record_exception(error)  # torchrun shows it as the reason
        raise
    dist.destroy_process_group()  # not after an error: others may hang, and torchrun ends them


def _end_with_torchrun() -> None:
    """Lets the kernel end this process if torchrun is killed and cannot do it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _device(ngpu: int) -> torch.device:
    if ngpu == 0:
        return torch.device("cpu")
    here = int(os.environ.get("LOCAL_RANK", "0"))
    if here >= torch.cuda.device_count():
        raise FadError(
            f"--ngpu {ngpu}: torch finds {torch.cuda.device_count()} GPU(s) here; give --ngpu 0 "
            "or see check_install.py"
        )
    device = torch.device("cuda", here)
    torch.cuda.set_device(device)
    use_tf32(device, "fp32")
    return device
