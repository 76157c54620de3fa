"""Checkpoints with random weights in the format of the released XLS-R files.

As a program it writes the full shape, 317,390,592 parameters, 1.27 GB:

    python -m tests.helpers.released /tmp/xlsr2_300m_random.pt
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fad.encoders.frame_grid import FrameGrid
from fad.encoders.xlsr import XLSR, XLSRConfig

MINI: dict[str, Any] = {
    "conv_feature_layers": "[(32, 10, 5)] + [(32, 3, 2)] * 4 + [(32, 2, 2)] * 2",
    "encoder_layers": 2,
    "encoder_embed_dim": 48,
    "encoder_ffn_embed_dim": 96,
    "encoder_attention_heads": 4,
    "final_dim": 16,
    "latent_vars": 8,
    "conv_pos": 16,
    "conv_pos_groups": 4,
}
XLSR_300M: dict[str, Any] = {
    "conv_feature_layers": "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]",
    "encoder_layers": 24,
    "encoder_embed_dim": 1024,
    "encoder_ffn_embed_dim": 4096,
    "encoder_attention_heads": 16,
    "final_dim": 768,
    "latent_vars": 320,
    "conv_pos": 128,
    "conv_pos_groups": 16,
}
COMMON: dict[str, Any] = {
    "_name": "wav2vec2",
    "extractor_mode": "layer_norm",
    "conv_bias": True,
    "layer_norm_first": True,
    "quantize_targets": True,
    "latent_groups": 2,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "encoder_layerdrop": 0.0,
}


def random_checkpoint(shape: dict[str, Any], seed: int = 0) -> dict[str, Any]:
    """A released-format checkpoint: `cfg` (model, task) and `model`, with pre-training parts."""
    cfg = {**COMMON, **shape}
    generator = torch.Generator().manual_seed(seed)
    shapes = parameter_shapes(shape)
    state = {name: _random(name, size, generator) for name, size in shapes.items()}
    task = {"_name": "audio_pretraining", "normalize": True, "sample_rate": 16000}
    return {"args": None, "cfg": {"model": cfg, "task": task}, "model": state}


def write_random_checkpoint(path: Path, shape: dict[str, Any], seed: int = 0) -> Path:
    """Saves `random_checkpoint` at `path`, which it returns."""
    torch.save(random_checkpoint(shape, seed), path)
    return path


def parameter_shapes(shape: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shapes of all tensors of a released file by name, without making them."""
    cfg = {**COMMON, **shape}
    with torch.device("meta"):
        encoder = XLSR(_config(cfg))
    shapes = {name: tuple(value.shape) for name, value in encoder.state_dict().items()}
    return shapes | _pretraining_shapes(cfg)


def _config(cfg: dict[str, Any]) -> XLSRConfig:
    channels = int(cfg["conv_feature_layers"].partition("[(")[2].partition(",")[0])
    return XLSRConfig(
        grid=FrameGrid(((channels, 10, 5), *[(channels, 3, 2)] * 4, *[(channels, 2, 2)] * 2)),
        conv_bias=True,
        dim=cfg["encoder_embed_dim"],
        ffn_dim=cfg["encoder_ffn_embed_dim"],
        num_heads=cfg["encoder_attention_heads"],
        num_layers=cfg["encoder_layers"],
        pos_kernel=cfg["conv_pos"],
        pos_groups=cfg["conv_pos_groups"],
        normalize=True,
    )


def _pretraining_shapes(cfg: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    dim, final = cfg["encoder_embed_dim"], cfg["final_dim"]
    codes, channels = cfg["latent_groups"] * cfg["latent_vars"], _config(cfg).grid.channels
    return {
        "mask_emb": (dim,),
        "quantizer.vars": (1, codes, final // cfg["latent_groups"]),
        "quantizer.weight_proj.weight": (codes, channels),
        "quantizer.weight_proj.bias": (codes,),
        "project_q.weight": (final, final),
        "project_q.bias": (final,),
        "final_proj.weight": (final, dim),
        "final_proj.bias": (final,),
    }


def _random(name: str, size: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Weights at the scale that keeps activations near one, norms and biases near 1 and 0."""
    noise = torch.randn(size, generator=generator)
    if len(size) == 1:
        is_norm = "norm" in name or ".2.1." in name  # the frontend's norms have numbers for names
        return 0.1 * noise + (1.0 if is_norm and name.endswith("weight") else 0.0)
    if name.endswith("weight_g"):
        return 1 + 0.1 * noise
    return noise / noise[0].numel() ** 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="the file to write")
    write_random_checkpoint(parser.parse_args().path, XLSR_300M)


if __name__ == "__main__":
    main()
