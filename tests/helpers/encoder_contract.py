"""The clauses of the encoder contract as functions, so that planted faults can be held to them.

Each takes an encoder and gives what breaks the clause, or how far the encoder is from keeping it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fad.adaptation.lora import LoRA
from fad.encoders.base import LINEAR_LAYERS, Encoder
from fad.encoders.boundary import FRONTEND, NONE, Boundary, block, needed_outputs
from tests.helpers.contract import padded_batch


def real(hidden: list[Tensor], lens: Tensor) -> list[Tensor]:
    """Only the real frames of each output (B, T, D), in a row: (N, D)."""
    return [torch.cat([x[i, :n] for i, n in enumerate(lens)]) for x in hidden]


def given(encoder: Encoder) -> list[Tensor]:
    """The real frames of all outputs, on the padded batch and without gradient."""
    with torch.no_grad():
        return real(*encoder(*padded_batch()))


def furthest(found: list[Tensor], wanted: list[Tensor]) -> float:
    """The largest difference between tensors in pairs, over the largest value of the pair's."""
    pairs = zip(found, wanted, strict=True)
    return max(((a.float() - b).abs().max() / b.abs().max()).item() for a, b in pairs)


def what_is_not_as_it_says(encoder: Encoder) -> list[str]:
    """Clause: shapes, numbers of frames and blocks are what the attributes say."""
    wav, lens = padded_batch()
    with torch.no_grad():
        frames, frame_lens = encoder.frontend(wav, lens)
        hidden, hidden_lens = encoder(wav, lens)
        width = encoder.project(frames).shape
    batch, time = len(wav), int(encoder.grid.num_frames(lens.max()))
    checks = {
        "frames": frames.shape == (batch, time, encoder.grid.channels),
        "frames in float32": frames.dtype == torch.float32,
        "numbers of frames": frame_lens.tolist() == encoder.grid.num_frames(lens).tolist(),
        "dim": width == (batch, time, encoder.dim),
        "wanted": [x.shape for x in hidden] == [(batch, time, encoder.dim)] * len(encoder.wanted),
        "lens": torch.equal(hidden_lens, frame_lens),
        "num_layers": len(encoder.blocks()) == encoder.num_layers >= max(encoder.wanted),
        "num_heads": encoder.dim % encoder.num_heads == 0,
        "deepest": NONE <= encoder.deepest <= block(max(encoder.wanted)),
        "normalize": type(encoder.normalize) is bool and type(encoder.local_frames) is bool,
    }
    return [name for name, holds in checks.items() if not holds]


def padding_difference(encoder: Encoder) -> float:
    """Clause: an utterance padded in a batch has the outputs that it has alone."""
    wav, lens = padded_batch()
    alone = []
    with torch.no_grad():
        for row, samples in enumerate(lens):
            alone.append(encoder(wav[row : row + 1, :samples], samples[None])[0])
    joined = [torch.cat([hidden[0] for hidden in outputs]) for outputs in zip(*alone, strict=True)]
    return furthest(given(encoder), joined)


def padding_is_seen(encoder: Encoder) -> bool:
    """Clause: what stands in the padding does not matter, to the bit."""
    wav, lens = padded_batch()
    dirty = torch.where(torch.arange(wav.shape[1]) < lens[:, None], wav, torch.full_like(wav, 9.0))
    with torch.no_grad():
        found = real(*encoder(dirty, lens))
    return not all(torch.equal(a, b) for a, b in zip(found, given(encoder), strict=True))


def boundaries_that_differ(encoder: Encoder) -> list[str]:
    """Clause: entered with what is stored at a boundary, the outputs are those of the whole."""
    with torch.no_grad():
        whole = given(encoder)
        wav, lens = padded_batch()
        frames, lens = encoder.frontend(wav, lens)
        everything = range(1, max(encoder.wanted) + 1)
        outputs, _ = encoder.outputs(frames, lens, FRONTEND, tuple(everything))
        differ = []
        for boundary in map(Boundary, range(encoder.deepest.depth + 1)):
            numbers = needed_outputs(boundary, encoder.wanted)
            stored = (
                frames
                if boundary == FRONTEND
                else torch.stack([outputs[number - 1] for number in numbers], dim=2)
            )
            found = real(*encoder(stored, lens, boundary))
            same = all(torch.equal(a, b) for a, b in zip(found, whole, strict=True))
            differ += [] if same else [str(boundary)]
    return differ


def half_precision_difference(encoder: Encoder) -> float:
    """Clause: under autocast to bfloat16 the outputs are near those of float32."""
    wanted = given(encoder)
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        found = given(encoder)
    pairs = zip(found, wanted, strict=True)
    return max(((a.float() - b).norm() / b.norm()).item() for a, b in pairs)


def dead_layers(encoder: Encoder) -> list[str]:
    """Clause: LoRA in any linear layer of a block changes the outputs and gets a gradient."""
    method = LoRA(2, 2, list(LINEAR_LAYERS))
    method.attach(encoder)
    generator = torch.Generator().manual_seed(0)
    for name, value in method.owned().items():
        if name.endswith("lora_B"):
            value.data.normal_(std=0.1, generator=generator)
    outputs = real(*encoder(*padded_batch()))
    sum(x.square().mean() for x in outputs).backward()
    return [
        name
        for name, value in method.owned().items()
        if value.grad is None or not value.grad.abs().max() > 0
    ]


def wrong_linear_layers(encoder: Encoder) -> list[str]:
    """Clause: `linear_layers` has every linear layer of the blocks, once, under its own name."""
    layers, blocks = encoder.linear_layers(), encoder.blocks()
    wanted = [(k, t) for k in range(1, encoder.num_layers + 1) for t in LINEAR_LAYERS]
    there = {id(module) for module in blocks.modules() if isinstance(module, nn.Linear)}
    wrong = [] if [(layer.block, layer.target) for layer in layers] == wanted else ["targets"]
    wrong += [] if {id(layer.module) for layer in layers} == there else ["modules"]
    for layer in layers:
        inside = {id(module) for module in blocks[layer.block - 1].modules()}
        named = encoder.get_submodule(layer.name) is layer.module
        wrong += [] if named and id(layer.module) in inside else [layer.name]
    return wrong


def blocks_out_of_order(encoder: Encoder) -> list[int]:
    """Clause: block k changes the output of block k, and of none before it."""
    numbers, before = range(1, encoder.num_layers + 1), given(encoder)
    assert encoder.wanted == tuple(numbers), "give an encoder of all layers"
    wrong = []
    for number in numbers:
        kept = {name: x.detach().clone() for name, x in encoder.state_dict().items()}
        with torch.no_grad():
            for value in encoder.block_parameters([number]).values():
                value.mul_(1.1)
        same = [torch.equal(a, b) for a, b in zip(given(encoder), before, strict=True)]
        wrong += [] if not same[number - 1] and all(same[: number - 1]) else [number]
        encoder.load_state_dict(kept)
    return wrong


def wrongly_needed(encoder: Encoder) -> list[str]:
    """Clause: `needed_parameters` are just those that the wanted outputs depend on."""
    encoder.requires_grad_(True)
    sum(x.square().mean() for x in real(*encoder(*padded_batch()))).backward()
    graded = {name for name, value in encoder.named_parameters() if value.grad is not None}
    return sorted(graded ^ set(encoder.needed_parameters()))


def parameters_out_of_place(encoder: Encoder) -> list[str]:
    """Clause: frames depend on `frontend_parameters` and on no others."""
    encoder.requires_grad_(True)
    wav, lens = padded_batch()
    encoder.frontend(wav, lens)[0].square().mean().backward()
    graded = {name for name, value in encoder.named_parameters() if value.grad is not None}
    return sorted(graded ^ set(encoder.frontend_parameters()))


def round_trip_difference(build: Callable[[], Encoder]) -> float:
    """Clause: the state of one encoder makes another one the same, to the bit."""
    encoder, other = build(), build()
    wanted = given(encoder)
    with torch.no_grad():
        for value in other.parameters():
            value.copy_(torch.randn(value.shape))
    assert furthest(given(other), wanted) > 0
    other.load_state_dict(encoder.state_dict(), strict=True)
    return furthest(given(other), wanted)


def gradient_difference(plain: Encoder, saving: Encoder) -> float:
    """Clause: with activation checkpointing the gradients are the same, to the bit."""
    found = []
    for encoder in (plain, saving):
        encoder.requires_grad_(True)
        sum(x.square().mean() for x in real(*encoder(*padded_batch()))).backward()
        found.append([value.grad for value in encoder.needed_parameters().values()])
    return max((a - b).abs().max().item() for a, b in zip(*found, strict=True))
