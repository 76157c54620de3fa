"""The process of one method: what its steps, or its scores, take.

    python -m tests.bench.method_steps xlsr2_300m.pt lora audio [KEY=VALUE ...]

Prints a line of JSON: seconds of each, and the peak memory in MiB; of scores also operations of
the matrix products, in 10^9; `null` where nothing can be stored.
"""

import contextlib
import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from fad.adaptation.base import NotMergeable, TrainState
from fad.config.resolve import load_config
from fad.encoders.boundary import FRONTEND, NONE, Boundary, needed_outputs
from fad.models.detector import Detector, build_detector

KINDS = ("audio", "stored", "score")
BATCH, SAMPLES, STEPS = 2, 64_600, 2


def stored_inputs(detector: Detector, boundary: Boundary) -> tuple[Tensor, Tensor]:
    """Noise of the shape that stage 2 stores for training, and its numbers of frames."""
    encoder = detector.encoder
    lens = encoder.grid.num_frames(torch.full((BATCH,), SAMPLES))
    shape = [BATCH, int(lens[0])]
    if boundary == FRONTEND:
        return torch.randn(*shape, encoder.grid.channels), lens
    needed = needed_outputs(boundary, encoder.wanted)
    return torch.randn(*shape, len(needed), encoder.dim), lens


def training(detector: Detector, boundary: Boundary) -> Callable[[], None]:
    """A step of training as the trainer takes it, from audio or from what is stored."""
    inputs = torch.randn(BATCH, SAMPLES), torch.full((BATCH,), SAMPLES)
    if boundary > NONE:
        inputs = stored_inputs(detector, boundary)
    detector.train()
    optimizer = torch.optim.AdamW(detector.trainable(), lr=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
    done = 0

    def step() -> None:
        nonlocal done
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(detector(*inputs, boundary), torch.arange(BATCH) % 2).backward()
        optimizer.step()
        schedule.step()
        done += 1
        detector.adaptation.after_step(TrainState(done, 1000, optimizer, schedule))

    return step


def scoring(detector: Detector, compute: int) -> Callable[[], None]:
    """The score of one clip, as stage 4 gives it: merged where the method can be."""
    detector.adaptation.set_compute_factor(compute)
    with contextlib.suppress(NotMergeable):
        detector.adaptation.merge()
    detector.eval().requires_grad_(False)  # what counts operations hooks into gradients
    inputs = torch.randn(1, SAMPLES), torch.tensor([SAMPLES])
    return torch.no_grad()(lambda: detector(*inputs))


def gflop(step: Callable[[], None]) -> float:
    """10^9 floating-point operations of matrix products, convolutions and attention."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / 1e9


def take(step: Callable[[], None], times: int) -> dict[str, Any]:
    """Seconds of steps after one that is not counted, and the peak memory."""
    seconds = []
    for _ in range(1 + times):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds[1:], "peak_mib": round(peak)}


def main() -> None:
    pretrained, method, kind, *overrides = sys.argv[1:]
    torch.manual_seed(0)
    detector = build_detector(load_config(method, overrides), pretrained)
    if kind.startswith("score"):
        step = scoring(detector, int(kind.partition("@")[2] or 1))
        print(json.dumps({**take(step, 3 * STEPS), "gflop": round(gflop(step), 1)}))
        return
    boundary = NONE if kind == "audio" else detector.boundary
    if kind == "stored" and boundary == NONE:
        print("null")
        return
    print(json.dumps(take(training(detector, boundary), STEPS)))


if __name__ == "__main__":
    main()
