"""Loads a trained model for scoring: merged, in the precision asked for, on its device."""

import logging
from pathlib import Path

import torch

from fad.adaptation.base import NotMergeable
from fad.encoders.int8 import quantise
from fad.experiment.scores import INT8, PRECISIONS
from fad.models.detector import Detector, load_detector
from fad.utils.devices import use_tf32
from fad.utils.errors import FadError


def load_for_scoring(
    model: Path,
    pretrained: Path | None,
    device: torch.device,
    precision: str,
    compute: int = 1,
) -> Detector:
    """Loads a model for scoring only; it can no longer be trained or saved.

    The adaptation's update is merged into the encoder, which then runs its plain layers. A method
    that cannot be merged scores without merging. On a GPU, this process computes convolutions in
    full float32 from now on, so that scores are those of a CPU to rounding.

    Args:
        model: has `config.yaml` and `best.safetensors`.
        pretrained: the pre-trained file, if it has moved since training.
        device: where to score.
        precision: `fp32`, or `int8` in the linear layers of the encoder's blocks.
        compute: the factor for `Adaptation.set_compute_factor`.

    Raises:
        FadError: the model cannot be read, or cannot score in that precision or at that cost.
    """
    if precision not in PRECISIONS:
        raise FadError(f"--precision {precision}: give one of {', '.join(PRECISIONS)}")
    detector = load_detector(model, pretrained)
    detector.adaptation.set_compute_factor(compute)
    try:
        detector.adaptation.merge()
    except NotMergeable as reason:
        logging.info("%s: scored without merging: %s", model, reason)
    detector.to(device)
    use_tf32(torch.device(device), "fp32")
    if precision == INT8:
        quantise(detector.encoder)
    return detector
