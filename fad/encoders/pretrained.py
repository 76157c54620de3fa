"""A pre-trained wav2vec 2.0 model by fairseq's names, from any kind of file."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fad.encoders.base import FAIRSEQ_EPS
from fad.utils.errors import FadError

# Used only in pre-training: counted, but not kept in memory.
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
    """A pre-trained model as its files have it.

    Attributes:
        path: the file or the folder that it was read from.
        model_cfg: the model's config by fairseq's keys, plain values.
        conv_layers: the frontend's (channels, kernel, stride), parsed and checked.
        normalize: whether waveforms are brought to zero mean and unit variance.
        state: all tensors by fairseq's names, mapped from the file where it allows that.
        normalize_eps: what is added to the variance then.
    """

    path: Path
    model_cfg: dict[str, Any]
    conv_layers: tuple[tuple[int, int, int], ...]
    normalize: bool
    state: dict[str, Tensor]
    normalize_eps: float = FAIRSEQ_EPS

    @property
    def num_parameters(self) -> int:
        """All parameters, those of pre-training included: 317,390,592 in XLS-R 300M."""
        return sum(math.prod(value.shape) for value in self.state.values())

    @property
    def num_pretraining(self) -> int:
        """The parameters of the pre-training parts."""
        kept = sum(math.prod(value.shape) for value in self.encoder_state().values())
        return self.num_parameters - kept

    def encoder_state(self) -> dict[str, Tensor]:
        """The tensors that encoding needs, without the pre-training parts."""
        return {
            name: value
            for name, value in self.state.items()
            if not name.startswith(PRETRAINING_PARTS)
        }


def checked_sizes(checkpoint: Checkpoint) -> dict[str, int]:
    """The transformer's sizes by fairseq's keys (`SIZES`), before anything of them is built.

    Raises:
        FadError: a size that no transformer has, or more blocks than the file has tensors.
    """
    sizes = {key: checkpoint.model_cfg.get(key, DEFAULTS[key]) for key in SIZES}
    # A block has more than one tensor, so a file cannot ask for more of them than it holds.
    if (
        not all(is_size(size) for size in sizes.values())
        or sizes["encoder_embed_dim"] % sizes["encoder_attention_heads"]
        or sizes["encoder_embed_dim"] % sizes["conv_pos_groups"]
        or sizes["encoder_layers"] > len(checkpoint.state)
    ):
        listed = ", ".join(f"'{key}': {shown(size)}" for key, size in sizes.items())
        raise FadError(f"{checkpoint.path}: its config is not one of a transformer: {listed}")
    return sizes


def check_tensors(checkpoint: Checkpoint) -> None:
    """Checks that every tensor has its values in the file, before anything copies them.

    A file of a kilobyte can name a tensor of terabytes, all of it one value, or one without values.

    Raises:
        FadError: a sparse, quantised or repeated tensor, or one of the meta device; it is named.
    """
    for name, value in checkpoint.state.items():
        if not _has_all_values(value):
            raise FadError(
                f"{checkpoint.path}: {shown(name)} is no plain tensor with all its values in the "
                "file: refused; save it again as plain float tensors"
            )


def _has_all_values(value: Tensor) -> bool:
    if value.layout is not torch.strided or value.device.type != "cpu" or value.is_quantized:
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def is_size(value: Any) -> bool:
    """Whether it is a whole number from 1 to 65535: neither a string nor a boolean."""
    return type(value) is int and 0 < value < MAX_SIZE


def is_conv_layers(layers: Any) -> bool:
    """Whether it is a list of 1 to 32 triples (channels, kernel, stride) of sizes."""
    return 0 < len(layers) <= MAX_CONV_LAYERS and all(
        isinstance(layer, tuple) and len(layer) == 3 and all(map(is_size, layer))
        for layer in layers
    )


def shown(value: Any) -> str:
    """A value of a config as an error quotes it: on one line and short."""
    try:
        return repr(value)[:80]
    except RecursionError:
        return f"<{type(value).__name__} too deep to print>"
