"""Out of memory, on a CPU or a GPU: how it is known, and what is said of it."""

import errno
import sys

# How it is said without a class of its own: by torch's CPU allocator, CUDA, cuBLAS, cuDNN, the
# system, and in the texts of data workers, which are tracebacks.
_SAID = (
    "can't allocate memory",
    "CUDA error: out of memory",
    "_STATUS_ALLOC_FAILED",
    "Cannot allocate memory",
    "Caught MemoryError in ",
)
_REMEDY = (
    "lower train.batch_size (train.accumulate keeps the size of a step), set "
    "train.activation_checkpointing=true, score fewer or shorter files at a time, or free the "
    "device; then start the same command again, which goes on from the last checkpoint"
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, the system, or torch on a CPU or a GPU has no memory left."""
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or type(error).__name__ == "OutOfMemoryError"  # torch's, which is not imported here
        or any(text in str(error) for text in _SAID)
    )


def let_pass(error: BaseException) -> None:
    """Raises an error of memory again; called before a file is blamed for an error of any kind."""
    if is_out_of_memory(error):
        raise error


def explained(error: BaseException) -> str:
    """What has run out, the most that was in use, and the remedy, in one line."""
    return f"out of memory{_peak()}: {_reason(error)}: {_REMEDY}"


def _reason(error: BaseException) -> str:
    """The line that says it: the last one if a data worker's traceback is the text."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return (lines[-1] if lines[0].startswith("Caught ") else lines[0]).rstrip(".:")[:300]


def _peak() -> str:
    """The device and its peak, if torch is in use."""
    torch = sys.modules.get("torch")
    if torch is None:
        return ""
    from fad.utils.devices import peak_memory_mb

    device = torch.device("cuda" if torch.cuda.is_initialized() else "cpu")
    return f" ({device}, peak {peak_memory_mb(device):.0f} MB)"
