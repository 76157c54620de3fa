"""Reads a pre-trained model's files, fairseq's or Hugging Face's, and builds the encoder `xlsr`."""

import hashlib
import logging
import re
from pathlib import Path

import torch
from torch import Tensor

from fad.encoders.fairseq_checkpoint import read_fairseq
from fad.encoders.frame_grid import FrameGrid
from fad.encoders.huggingface import find_model_files, is_huggingface, read_huggingface
from fad.encoders.pretrained import DEFAULTS, Checkpoint, check_tensors, checked_sizes
from fad.encoders.xlsr import XLSR, XLSRConfig
from fad.utils.errors import FadError
from fad.utils.files import sha256_file
from fad.utils.memory import let_pass

_HUB_NAME = re.compile(r"[A-Za-z0-9_-][\w.-]*/[\w.-]+", re.ASCII)


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Reads a fairseq file, or a Hugging Face folder or the weights file in it.

    Raises:
        FadError: a file is missing, cut short, would run code, or is of another kind of model.
    """
    path = _existing(path)
    checkpoint = read_huggingface(path) if is_huggingface(path) else read_fairseq(path)
    check_tensors(checkpoint)
    return checkpoint


def pretrained_sha256(path: str | Path) -> str:
    """The sha256 that identifies a pre-trained model.

    For a fairseq file it is the sha256 of the file. For a Hugging Face model it is that of the list
    of its files' sha256, so it is the same for the folder and for the weights file in it.

    Raises:
        FadError: a file is missing.
    """
    path = _existing(path)
    if not is_huggingface(path):
        return sha256_file(path)
    files = find_model_files(path).by_role()
    listing = "".join(f"{role} {sha256_file(file)}\n" for role, file in files)
    return hashlib.sha256(listing.encode()).hexdigest()


def load_xlsr(
    checkpoint: Checkpoint, layers: str | list[int] = "all", num_blocks: int | None = None
) -> XLSR:
    """Builds the encoder `xlsr` on the meta device and gives it the checkpoint's tensors.

    `num_blocks` keeps only the first blocks, which saves time and memory. Their outputs stay the
    same, so the LayerNorm behind the last block of the file is left out too. Float32 tensors are
    used in place, mapped from the file, so memory stays near one copy.

    Raises:
        FadError: another architecture, or tensors missing, too many, of another shape or no floats.
    """
    config = _xlsr_config(checkpoint)
    with torch.device("meta"):
        encoder = XLSR(config, layers, num_blocks)
    state = _kept(checkpoint.encoder_state(), encoder.num_layers, config.num_layers)
    for name, value in state.items():
        if not value.is_floating_point():
            raise FadError(
                f"{checkpoint.path}: {name} is of type {value.dtype}: weights must be float32, "
                "float16 or bfloat16 (quantised ones cannot be adapted)"
            )
    state = {name: value.float() for name, value in state.items()}
    try:
        encoder.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        let_pass(error)
        reason = " ".join(str(error).split())[:300]
        raise FadError(f"{checkpoint.path}: its tensors do not fit its config: {reason}") from None
    return encoder


def _kept(state: dict[str, Tensor], num_blocks: int, there: int) -> dict[str, Tensor]:
    """The tensors of the first blocks, and all others but the LayerNorm behind the last block."""
    if num_blocks == there:
        return state
    cut = tuple(f"encoder.layers.{index}." for index in range(num_blocks, there))
    return {
        name: value
        for name, value in state.items()
        if not name.startswith((*cut, "encoder.layer_norm."))
    }


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if path.is_dir() or path.is_file():
        if path.suffix == ".json" and not is_huggingface(path):
            raise FadError(f"{path}: is not the model: give --pretrained the folder {path.parent}")
        return path
    remedy = "give --pretrained the path of an XLS-R checkpoint"
    if _HUB_NAME.fullmatch(str(path)) and path.suffix not in (".pt", ".bin", ".safetensors"):
        remedy = (
            "names of the Hugging Face Hub are not fetched: "
            f"`hf download {path} --local-dir DIR`, then --pretrained DIR"
        )
    raise FadError(f"{path}: no such pre-trained file or folder; {remedy}")


def _xlsr_config(checkpoint: Checkpoint) -> XLSRConfig:
    cfg = {**DEFAULTS, **{k: v for k, v in checkpoint.model_cfg.items() if k in DEFAULTS}}
    ignored = sorted(map(str, set(checkpoint.model_cfg) - set(DEFAULTS)))
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
                f"{checkpoint.path}: {key} is {str(found)[:80]}, and the encoder 'xlsr' has only "
                f"{value} (XLS-R, XLSR-53, MMS); set 'encoder: fairseq_xlsr' for fairseq's other "
                "models"
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
        normalize_eps=checkpoint.normalize_eps,
    )
