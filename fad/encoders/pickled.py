"""Opens files of `torch.save` without running what is in them."""

import argparse
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import torch

from fad.errors import FadError


def load_pickled(path: Path) -> Any:
    """The content of a file that `torch.save` wrote: tensors, plain values, old fairseq configs.

    Tensors stay in the file, mapped into memory, where its format allows that.

    Raises:
        FadError: the file is cut short, or loading it would run code.
    """
    try:
        # Mapping needs the zip format that torch has written since 1.6.
        mapped = zipfile.is_zipfile(path)
        with _allowed_classes():
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # a damaged file makes torch raise almost anything
        reason = one_line(error)
        refused = " ".join(str(error).split()).partition("GLOBAL ")[2].split(" ")[0]
        if refused:
            raise FadError(
                f"{path}: refused, since loading it would run code ({refused}); "
                "convert it where it was made"
            ) from None
        raise FadError(
            f"{path}: not a readable checkpoint (cut short? fetch it again): {reason}"
        ) from None


def one_line(error: Exception) -> str:
    """What an error says, on one line and short; its kind where it says nothing."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _allowed_classes():
    """Old files hold an argparse.Namespace or OmegaConf containers: these by name, no others."""
    classes: list[Any] = [argparse.Namespace, OrderedDict]
    try:
        from omegaconf import DictConfig, ListConfig, base, nodes
    except ImportError:
        return torch.serialization.safe_globals(classes)
    classes += [DictConfig, ListConfig, base.ContainerMetadata, base.Metadata, defaultdict]
    classes += [nodes.AnyNode, nodes.StringNode, nodes.IntegerNode, nodes.FloatNode]
    classes += [nodes.BooleanNode, nodes.EnumNode, Any, dict, list, int, float, str, bool, tuple]
    return torch.serialization.safe_globals(classes)
