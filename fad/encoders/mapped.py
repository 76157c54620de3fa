"""Memory of weights that are mapped from a file."""

import ctypes
import mmap
from pathlib import Path

from torch import Tensor

_MAPS = Path("/proc/self/maps")


def release(tensor: Tensor) -> None:
    """Gives the memory of a mapped tensor back; the tensor must not be used any more.

    All of a file is one mapping, which lives as long as any of its tensors, and so do the pages
    that were read. Nothing happens to a tensor that is not mapped from a file, or where the system
    has no list of mappings: its memory is freed with it.
    """
    page = mmap.PAGESIZE
    start, end = tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes
    # Of the pages at the ends, neighbours have a part.
    start, end = -(-start // page) * page, end // page * page
    if start < end and _is_mapped(start, end):
        libc = ctypes.CDLL(None)
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)


def _is_mapped(start: int, end: int) -> bool:
    """Whether addresses lie within one mapping of a file."""
    if not _MAPS.is_file():
        return False
    for line in _MAPS.read_text().splitlines():
        bounds, _, _, _, inode = line.split()[:5]
        low, high = (int(bound, 16) for bound in bounds.split("-"))
        if low <= start and end <= high:
            return inode != "0"
    return False
