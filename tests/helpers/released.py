"""Checkpoints with random weights in the format of the released XLS-R files.

As a program it writes the full shape, 317,390,592 parameters, 1.27 GB:

    python -m tests.helpers.released xlsr2_300m_random.pt
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fad.encoders.released import COMMON, RELEASED, parameter_shapes

XLSR_300M = RELEASED["xls-r-300m"]
MINI: dict[str, Any] = COMMON | {
    "conv_feature_layers": "[(32, 10, 5)] + [(32, 3, 2)] * 4 + [(32, 2, 2)] * 2",
    "encoder_layers": 2,
    "encoder_embed_dim": 48,
    "encoder_ffn_embed_dim": 96,
    "encoder_attention_heads": 4,
    "final_dim": 16,
    "latent_vars": 8,
    "latent_groups": 2,
    "conv_pos": 16,
    "conv_pos_groups": 4,
}
NO_DROPOUT = {"dropout": 0.0, "attention_dropout": 0.0, "encoder_layerdrop": 0.0}


def random_checkpoint(shape: dict[str, Any], seed: int = 0) -> dict[str, Any]:
    """A released-format checkpoint: `cfg` (model, task) and `model`, with pre-training parts."""
    cfg = {**shape, **NO_DROPOUT}
    generator = torch.Generator().manual_seed(seed)
    shapes = parameter_shapes(shape)
    state = {name: _random(name, size, generator) for name, size in shapes.items()}
    task = {"_name": "audio_pretraining", "normalize": True, "sample_rate": 16000}
    return {"args": None, "cfg": {"model": cfg, "task": task}, "model": state}


def write_random_checkpoint(path: Path, shape: dict[str, Any], seed: int = 0) -> Path:
    """Saves `random_checkpoint` at `path`, which it returns."""
    torch.save(random_checkpoint(shape, seed), path)
    return path


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
