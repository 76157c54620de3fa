"""The device, the precision and the peak memory of a computation."""

import logging
import platform
import resource
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch

from fad.utils.errors import FadError

logger = logging.getLogger(__name__)


def choose_device(ngpu: int) -> torch.device:
    """The GPU if one is asked for, else the CPU.

    Raises:
        FadError: the number is neither 0 nor 1, or there is no usable GPU.
    """
    if ngpu == 0:
        return torch.device("cpu")
    if ngpu != 1:
        raise FadError(f"--ngpu {ngpu}: one process trains on one GPU: give 0 or 1")
    if not torch.cuda.is_available():
        raise FadError("--ngpu 1: torch finds no GPU here; give --ngpu 0 or see check_install.py")
    device = torch.device("cuda")
    use_tf32(device, "fp32")
    return device


def use_tf32(device: torch.device, precision: str) -> bool:
    """Lets a GPU's float32 convolutions round to 10 bits of mantissa only beside half precision.

    torch does so by itself, in scoring and dumps too. Scores of a CPU and a GPU, and stored frames
    of two GPUs, would then differ by 1e-3.

    Args:
        device: the device.
        precision: of the training, or `fp32`.

    Returns:
        Whether they round.
    """
    if device.type != "cuda":
        return False
    allowed = not isinstance(autocast(device, precision), nullcontext)
    torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cuda.matmul.allow_tf32 = False
    return allowed


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """The context of a precision: `auto`, `fp32`, `bf16` or `fp16`.

    Raises:
        FadError: fp16 on a CPU, or an unknown name.
    """
    if precision not in ("auto", "fp32", "bf16", "fp16"):
        raise FadError(f"train.precision: '{precision}' is not one of auto, fp32, bf16, fp16")
    if precision == "auto":
        precision = "bf16" if device.type == "cuda" and _computes_in_bf16() else "fp32"
    if precision == "fp32":
        return nullcontext()
    if precision == "fp16" and device.type == "cpu":
        raise FadError("train.precision: fp16 needs a GPU; give fp32 or bf16")
    dtype = torch.bfloat16 if precision == "bf16" else torch.float16
    return torch.autocast(device.type, dtype)


def _computes_in_bf16() -> bool:
    # Otherwise the answer is yes wherever a bf16 tensor can be made: slower than float32.
    return torch.cuda.is_bf16_supported(including_emulation=False)


def advise_precision(device: torch.device, precision: str) -> None:
    """Says that a GPU without bf16 trains in fp32: it often computes much faster in fp16.

    fp16 is not chosen by itself: its range is small, and clips can overflow it.
    """
    if device.type == "cuda" and precision == "auto" and not _computes_in_bf16():
        logger.warning(
            "this GPU does not compute in bf16: training is in fp32; train.precision=fp16 may be "
            "much faster"
        )


def peak_memory_mb(device: torch.device) -> float:
    """The peak memory so far: of the process on a CPU, of torch's tensors on a GPU.

    The unit is MiB (2**20 bytes), as for `peak_memory_mb` in every file; tables call it MB.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def place(device: torch.device, processes: int) -> dict[str, Any]:
    """Where something was measured: device, machine and number of processes."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    if device.type == "cuda" and torch.backends.cudnn.allow_tf32:
        name += ", TF32 convolutions"
    return {"device": name, "machine": machine(), "processes": processes}


def machine() -> str:
    """The processor and the number of threads; times are comparable only where these agree."""
    name = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        models = (value.strip() for key, _, value in lines if key.strip() == "model name")
        name = next(models, name)
    return f"{name}, {torch.get_num_threads()} threads"
