"""Reads a released fairseq checkpoint: runs no code of it, and takes no more memory than needed."""

import argparse
import ast
import logging
import math
import zipfile
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fad.encoders.frame_grid import FrameGrid
from fad.encoders.xlsr import XLSR, XLSRConfig
from fad.errors import FadError

# Used in pre-training alone: counted, but not kept in memory.
PRETRAINING_PARTS = ("mask_emb", "quantizer.", "project_q.", "final_proj.")

MAX_CONV_LAYERS = 32
MAX_SIZE = 2**16

# fairseq's defaults, for the keys that a checkpoint leaves out.
DEFAULTS: dict[str, Any] = {
    "extractor_mode": "default",
    "conv_feature_layers": "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512, 2, 2)] + [(512, 2, 2)]",
    "conv_bias": False,
    "encoder_layers": 12,
    "encoder_embed_dim": 768,
    "encoder_ffn_embed_dim": 3072,
    "encoder_attention_heads": 12,
    "activation_fn": "gelu",
    "layer_type": "transformer",
    "layer_norm_first": False,
    "conv_pos": 128,
    "conv_pos_groups": 16,
    "pos_conv_depth": 1,
}

SIZES = (
    "encoder_layers",
    "encoder_embed_dim",
    "encoder_ffn_embed_dim",
    "encoder_attention_heads",
    "conv_pos",
    "conv_pos_groups",
)


@dataclass(frozen=True)
class Checkpoint:
    """A pre-trained model as its file has it.

    Attributes:
        path: where it was read.
        model_cfg: the model's part of `cfg`, plain values, `conv_feature_layers` as written there.
        conv_layers: `conv_feature_layers`, parsed and checked.
        normalize: whether waveforms are brought to zero mean and unit variance.
        state: all tensors by fairseq's names, mapped from the file where it allows that.
    """

    path: Path
    model_cfg: dict[str, Any]
    conv_layers: tuple[tuple[int, int, int], ...]
    normalize: bool
    state: dict[str, Tensor]

    @property
    def num_parameters(self) -> int:
        """All parameters, those of pre-training included: 317,390,592 in XLS-R 300M."""
        return sum(math.prod(value.shape) for value in self.state.values())

    def encoder_state(self) -> dict[str, Tensor]:
        """The tensors that encoding needs, without the pre-training parts."""
        return {
            name: value
            for name, value in self.state.items()
            if not name.startswith(PRETRAINING_PARTS)
        }


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Reads a fairseq wav2vec 2.0 checkpoint (`cfg`, or the older `args`, and `model`).

    Raises:
        FadError: the file is missing, cut short, holds anything but plain values and tensors, or is
            not of a wav2vec 2.0 model.
    """
    path = Path(path)
    content = _load(path)
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        raise FadError(f"{path}: not a fairseq checkpoint: it has no 'model' with tensors")
    state = content["model"]
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise FadError(f"{path}: not a fairseq checkpoint: 'model' holds more than tensors")
    model_cfg, normalize = _plain_config(content, path)
    conv_layers = parse_conv_layers(
        model_cfg.get("conv_feature_layers", DEFAULTS["conv_feature_layers"]), path
    )
    return Checkpoint(path, model_cfg, conv_layers, normalize, state)


def load_xlsr(checkpoint: Checkpoint, layers: str | list[int] = "all") -> XLSR:
    """Builds the running encoder on the meta device and gives it the checkpoint's tensors.

    Float32 tensors are used where they lie (mapped from the file), so memory stays near one copy.

    Raises:
        FadError: another architecture, or tensors missing, too many or of another shape.
    """
    config = _xlsr_config(checkpoint)
    with torch.device("meta"):
        encoder = XLSR(config, layers)
    state = {name: value.float() for name, value in checkpoint.encoder_state().items()}
    try:
        encoder.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise FadError(f"{checkpoint.path}: its tensors do not fit its config: {reason}") from None
    return encoder


def parse_conv_layers(text: str, path: str | Path) -> tuple[tuple[int, int, int], ...]:
    """Reads `[(512, 10, 5)] + [(512, 3, 2)] * 4` without running it, as fairseq's `eval` would.

    Raises:
        FadError: anything but lists of triples of integers from 1 to 65535, added and repeated.
    """
    try:
        layers = _list_of(ast.parse(str(text), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        layers = []
    good = 0 < len(layers) <= MAX_CONV_LAYERS and all(
        isinstance(layer, tuple)
        and len(layer) == 3
        and all(type(value) is int and 0 < value < MAX_SIZE for value in layer)
        for layer in layers
    )
    if not good:
        raise FadError(
            f"{path}: conv_feature_layers is not a list of (channels, kernel, stride): "
            f"{str(text)[:80]!r}; the file is refused"
        )
    return tuple(layers)


def _list_of(node: ast.expr) -> list:
    """A list literal, a sum of two lists, or a list times a small integer literal."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _list_of(node.left) + _list_of(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        times = ast.literal_eval(node.right)
        if type(times) is not int or times < 1:
            raise ValueError("not a repeat")
        layers = _list_of(node.left)
        if len(layers) * times > MAX_CONV_LAYERS:  # repeats of repeats grow without bound
            raise ValueError("too many")
        return layers * times
    value = ast.literal_eval(node)
    if not isinstance(value, list):
        raise ValueError("not a list")
    return value


def _load(path: Path) -> Any:
    if not path.is_file():
        raise FadError(
            f"{path}: no such pre-trained file; give --pretrained the path of an XLS-R checkpoint"
        )
    try:
        # Mapping needs the zip format that torch has written since 1.6.
        mapped = zipfile.is_zipfile(path)
        with _allowed_classes():
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # a damaged file makes torch raise almost anything
        reason = " ".join(str(error).split())
        refused = reason.partition("GLOBAL ")[2].split(" ")[0]
        if refused:
            raise FadError(
                f"{path}: refused, since loading it would run code ({refused}); "
                "convert it where it was made"
            ) from None
        reason = reason[:200] or type(error).__name__
        raise FadError(
            f"{path}: not a readable checkpoint (cut short? fetch it again): {reason}"
        ) from None


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


def _plain_config(content: dict, path: Path) -> tuple[dict[str, Any], bool]:
    """The model's config and the normalize flag, from `cfg` or the older `args`."""
    cfg, args = content.get("cfg"), content.get("args")
    if cfg is not None:
        parts = _plain(cfg, path)
        model, task = _plain(parts.get("model"), path), _plain(parts.get("task"), path)
        return model, _flag(task, "normalize", path)
    if args is not None:
        model = _plain(args, path)
        return model, _flag(model, "normalize", path)
    raise FadError(f"{path}: not a fairseq checkpoint: it has neither 'cfg' nor 'args'")


def _plain(value: Any, path: Path) -> dict[str, Any]:
    """A dict of a dict, a Namespace or an OmegaConf container; `???`, not given, becomes None.

    Interpolations stay text: resolving `${oc.env:X}` would read the environment.
    """
    if isinstance(value, argparse.Namespace):
        return vars(value)
    try:
        value = _without_omegaconf(value)
    except Exception as error:  # a damaged container makes OmegaConf raise almost anything
        reason = " ".join(str(error).split())[:200]
        raise FadError(
            f"{path}: not a fairseq checkpoint: its config is broken: {reason}"
        ) from None
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise FadError(f"{path}: not a fairseq checkpoint: its config has {str(value)[:40]!r}")
    return {
        key: None if isinstance(item, str) and item == "???" else item
        for key, item in value.items()
    }


def _without_omegaconf(value: Any) -> Any:
    try:
        from omegaconf import OmegaConf
    except ImportError:
        return value
    return OmegaConf.to_container(value, resolve=False) if OmegaConf.is_config(value) else value


def _flag(part: dict[str, Any], key: str, path: Path) -> bool:
    value = part.get(key)
    if not isinstance(value, int | None):
        raise FadError(f"{path}: {key} is {str(value)[:80]!r} in its config, not true or false")
    return bool(value)


def checked_sizes(checkpoint: Checkpoint) -> dict[str, int]:
    """The transformer's sizes by fairseq's keys (`SIZES`), before anything of them is built.

    Raises:
        FadError: a size that no transformer has, or more blocks than the file has tensors.
    """
    sizes = {key: checkpoint.model_cfg.get(key, DEFAULTS[key]) for key in SIZES}
    # A block has more than one tensor, so a file cannot ask for more of them than it holds.
    if (
        not all(type(size) is int and 0 < size < MAX_SIZE for size in sizes.values())
        or sizes["encoder_embed_dim"] % sizes["encoder_attention_heads"]
        or sizes["encoder_embed_dim"] % sizes["conv_pos_groups"]
        or sizes["encoder_layers"] > len(checkpoint.state)
    ):
        raise FadError(f"{checkpoint.path}: its config is not one of a transformer: {sizes}")
    return sizes


def _xlsr_config(checkpoint: Checkpoint) -> XLSRConfig:
    cfg = {**DEFAULTS, **{k: v for k, v in checkpoint.model_cfg.items() if k in DEFAULTS}}
    ignored = sorted(set(checkpoint.model_cfg) - set(DEFAULTS))
    logging.debug("%s: config keys without use here: %s", checkpoint.path, ", ".join(ignored))
    needed = {
        "extractor_mode": "layer_norm",
        "layer_norm_first": True,
        "layer_type": "transformer",
        "activation_fn": "gelu",
        "pos_conv_depth": 1,
    }
    for key, value in needed.items():
        found = getattr(cfg[key], "name", cfg[key])
        if found != value:
            raise FadError(
                f"{checkpoint.path}: {key} is {found}, and the encoder 'xlsr' has only {value} "
                "(XLS-R, XLSR-53, MMS); set 'encoder: fairseq_xlsr' for fairseq's other models"
            )
    sizes = checked_sizes(checkpoint)
    return XLSRConfig(
        grid=FrameGrid(checkpoint.conv_layers),
        conv_bias=bool(cfg["conv_bias"]),
        dim=sizes["encoder_embed_dim"],
        ffn_dim=sizes["encoder_ffn_embed_dim"],
        num_heads=sizes["encoder_attention_heads"],
        num_layers=sizes["encoder_layers"],
        pos_kernel=sizes["conv_pos"],
        pos_groups=sizes["conv_pos_groups"],
        normalize=checkpoint.normalize,
    )
