"""Opens files of `torch.save` without running what is in them."""

import argparse
import zipfile
from collections import OrderedDict, defaultdict
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fad.utils.errors import FadError
from fad.utils.memory import let_pass

_ZIP, _PICKLE = b"PK", b"\x80"  # how torch's files begin, those since 1.6 and those before
_LFS = b"version https://git-lfs"

NUMBERS = "?bhilqBHILQefd"  # numpy's letters of the types of a number of fixed size


def load_pickled(path: Path) -> Any:
    """The content of a file that `torch.save` wrote: tensors, plain values, old fairseq configs.

    Tensors stay in the file, mapped into memory, where its format allows that.

    Raises:
        FadError: the file is of another kind or cut short, or loading it would run code.
    """
    check_fetched(path)
    head = _head(path)
    if head and not head.startswith((_ZIP, _PICKLE)):
        raise FadError(
            f"{path}: not a PyTorch checkpoint; it begins with {head.decode('latin-1')!a}: "
            "fetch it again"
        )
    is_zip = head.startswith(_ZIP)
    try:
        if is_zip:
            _check_stored(path)
        with _allowed_classes(path):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except FadError:
        raise
    except Exception as error:  # a damaged file makes torch raise almost anything
        let_pass(error)
        refused = " ".join(str(error).split()).partition("GLOBAL ")[2].split(" ")[0]
        if refused:
            raise FadError(
                f"{path}: refused, since loading it would run code ({refused}); "
                "convert it where it was made"
            ) from None
        raise FadError(
            f"{path}: not a readable checkpoint (cut short? fetch it again): {_reason(error)}"
        ) from None


def check_fetched(path: Path) -> None:
    """Refuses a git-lfs pointer, which git leaves in place of a file without git-lfs.

    Raises:
        FadError: the file is such a pointer.
    """
    if _head(path).startswith(_LFS):
        raise FadError(f"{path}: a git-lfs pointer, not the file itself: run git lfs pull there")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(24)


def _check_stored(path: Path) -> None:
    """A compressed file of a megabyte could take all memory; torch itself never compresses."""
    with zipfile.ZipFile(path) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise FadError(
                f"{path}: refused, since its parts are compressed, which torch.save never does; "
                "convert it where it was made"
            )


def _reason(error: Exception) -> str:
    """The first sentence of what torch says, without its advice to load the file all the same."""
    text = str(error).rpartition("WeightsUnpickler error: ")[2].strip().partition("\n")[0]
    return " ".join(text.partition(". ")[0].split())[:200] or type(error).__name__


def one_line(error: Exception) -> str:
    """What an error says, on one line and short; its kind where it says nothing."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _allowed_classes(path: Path) -> AbstractContextManager[Any]:
    """Old files hold an argparse.Namespace or OmegaConf containers: these by name, no others."""
    classes: list[Any] = [argparse.Namespace, OrderedDict, *_numpy_scalars()]
    if not _may_hold_omegaconf(path):  # it takes as long to import as a small file to load
        return torch.serialization.safe_globals(classes)
    try:
        from omegaconf import DictConfig, ListConfig, base, nodes
    except ImportError:
        return torch.serialization.safe_globals(classes)
    classes += [DictConfig, ListConfig, base.ContainerMetadata, base.Metadata, defaultdict]
    classes += [nodes.AnyNode, nodes.StringNode, nodes.IntegerNode, nodes.FloatNode]
    classes += [nodes.BooleanNode, nodes.EnumNode, Any, dict, list, int, float, str, bool, tuple]
    return torch.serialization.safe_globals(classes)


def _numpy_scalars() -> list[Any]:
    """What fairseq's `extra_state` has of numpy: single numbers, such as the best loss."""
    return [
        (_read_number, "numpy.core.multiarray.scalar"),  # numpy's name before 2.0
        (_read_number, "numpy._core.multiarray.scalar"),
        np.dtype,
        *{type(np.dtype(kind)) for kind in NUMBERS},
    ]


def _read_number(dtype: np.dtype[Any], raw: bytes = b"") -> np.generic:
    """In the place of numpy's own function, which makes objects and gigabytes of zeros too.

    Args:
        dtype: as the file says, which may be anything.
        raw: the bytes of one number.

    Raises:
        ValueError: it is another dtype than one of `NUMBERS`, or not its bytes.
    """
    if not isinstance(dtype, np.dtype) or dtype.char not in NUMBERS:
        raise ValueError("a value of numpy that is no number")
    plain = np.dtype(dtype.str)  # the file may have set other fields of its own
    if not isinstance(raw, bytes) or len(raw) != plain.itemsize:
        raise ValueError("a number of numpy of another size than its type")
    return np.frombuffer(raw, plain)[0]


def _may_hold_omegaconf(path: Path) -> bool:
    """Whether a file's pickle names that package; files of before torch 1.6 may."""
    if not zipfile.is_zipfile(path):
        return True
    with zipfile.ZipFile(path) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("data.pkl")]
        return any(b"omegaconf" in archive.read(name) for name in pickles)
