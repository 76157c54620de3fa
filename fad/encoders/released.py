"""The released models of the XLS-R kind: their shapes by fairseq's names.

Taken from the configs inside the released files, pre-training heads included. XLSR-53 (arXiv
2006.13979) and MMS 300M (arXiv 2305.13516) have the shape of XLS-R 300M (arXiv 2111.09296), MMS 1B
has that of XLS-R 1B.
"""

from pathlib import Path
from typing import Any

import torch

from fad.encoders.fairseq_checkpoint import parse_conv_layers
from fad.encoders.frame_grid import FrameGrid
from fad.encoders.pretrained import Checkpoint
from fad.encoders.xlsr import XLSR, XLSRConfig
from fad.utils.errors import FadError, nearest

Shape = dict[str, Any]


# Common to all; the rest of their config is about pre-training or has fairseq's defaults.
COMMON: Shape = {
    "_name": "wav2vec2",
    "extractor_mode": "layer_norm",
    "conv_bias": True,
    "layer_norm_first": True,
    "quantize_targets": True,
}


def _shape(layers: int, dim: int, final_dim: int) -> Shape:
    return COMMON | {
        "conv_feature_layers": "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512, 2, 2)] * 2",
        "encoder_layers": layers,
        "encoder_embed_dim": dim,
        "encoder_ffn_embed_dim": 4 * dim,
        "encoder_attention_heads": 16,
        "final_dim": final_dim,
        "latent_vars": 320,
        "latent_groups": 2,
        "conv_pos": 128,
        "conv_pos_groups": 16,
    }


_LARGE, _XL, _XXL = _shape(24, 1024, 768), _shape(48, 1280, 1024), _shape(48, 1920, 1024)
RELEASED: dict[str, Shape] = {
    "xls-r-300m": _LARGE,
    "xls-r-1b": _XL,
    "xls-r-2b": _XXL,
    "xlsr-53": _LARGE,
    "mms-300m": _LARGE,
    "mms-1b": _XL,
}


def parameter_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """The shapes of all tensors of a fairseq file by their names, without making them."""
    return _encoder_shapes(shape) | _pretraining_shapes(shape)


def shape_of(name: str) -> Checkpoint:
    """A released model without its values: a checkpoint whose tensors are on the meta device.

    Raises:
        FadError: no model of that name is known.
    """
    if name not in RELEASED:
        raise FadError(f"{name}: not a released model's name; {nearest(name, RELEASED)}")
    shape = RELEASED[name]
    state = {key: torch.empty(size, device="meta") for key, size in parameter_shapes(shape).items()}
    conv_layers = parse_conv_layers(shape["conv_feature_layers"], name)
    return Checkpoint(Path(name), shape, conv_layers, True, state)


def check_shapes(checkpoint: Checkpoint, name: str) -> None:
    """Checks that a checkpoint's encoder has just the tensors of a released model.

    Raises:
        FadError: no model of that name is known, or a tensor is missing, too many or of another
            shape.
    """
    if name not in RELEASED:
        raise FadError(f"{name}: not a released model's name; {nearest(name, RELEASED)}")
    wanted = _encoder_shapes(RELEASED[name])
    found = _found_shapes(checkpoint)
    wrong = sorted(key for key in wanted | found if wanted.get(key) != found.get(key))
    if wrong:
        first = wrong[0]
        raise FadError(
            f"{checkpoint.path}: not {name}: {len(wrong)} tensors differ, the first is {first}: "
            f"{found.get(first, 'missing')}, not {wanted.get(first, 'there')}"
        )


def alike(checkpoint: Checkpoint) -> list[str]:
    """The names of the released models whose encoder has exactly this shape."""
    found = _found_shapes(checkpoint)
    return [name for name, shape in RELEASED.items() if _encoder_shapes(shape) == found]


def _found_shapes(checkpoint: Checkpoint) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in checkpoint.encoder_state().items()}


def _encoder_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    config = XLSRConfig(
        grid=FrameGrid(parse_conv_layers(shape["conv_feature_layers"], "a released model")),
        conv_bias=True,
        dim=shape["encoder_embed_dim"],
        ffn_dim=shape["encoder_ffn_embed_dim"],
        num_heads=shape["encoder_attention_heads"],
        num_layers=shape["encoder_layers"],
        pos_kernel=shape["conv_pos"],
        pos_groups=shape["conv_pos_groups"],
        normalize=True,
    )
    with torch.device("meta"):
        encoder = XLSR(config)
    return {name: tuple(value.shape) for name, value in encoder.state_dict().items()}


def _pretraining_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    dim, final, groups = shape["encoder_embed_dim"], shape["final_dim"], shape["latent_groups"]
    codes = groups * shape["latent_vars"]
    channels = parse_conv_layers(shape["conv_feature_layers"], "a released model")[-1][0]
    return {
        "mask_emb": (dim,),
        "quantizer.vars": (1, codes, final // groups),
        "quantizer.weight_proj.weight": (codes, channels),
        "quantizer.weight_proj.bias": (codes,),
        "project_q.weight": (final, final),
        "project_q.bias": (final,),
        "final_proj.weight": (final, dim),
        "final_proj.bias": (final,),
    }
