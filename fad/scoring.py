"""Scores of a set: whole utterances, in batches by length."""

import numpy as np
import torch

from fad.data.batches import Source, scoring_loader
from fad.data.waveform import prepare_waveform
from fad.detector import Detector
from fad.devices import autocast
from fad.progress import progress

# Frames in a batch, padding counted: 16 utterances of 4 s.
MAX_FRAMES = 3200


@torch.no_grad()
def predict(
    detector: Detector,
    source: Source,
    indices: list[int],
    device: torch.device,
    precision: str = "fp32",
    num_workers: int = 0,
    desc: str = "score",
) -> np.ndarray:
    """Logits of some utterances of a source.

    Returns:
        (len(indices), 2) float32 logits, spoof and bonafide, in the order of `indices`.
    """
    detector.eval()
    place = {index: row for row, index in enumerate(indices)}
    logits = np.empty((len(indices), 2), dtype=np.float32)
    # Padding would reach the real frames of an encoder that normalises over time: one at a time.
    max_frames = MAX_FRAMES if detector.encoder.local_frames else 1
    loader = scoring_loader(source, indices, max_frames, num_workers)
    with progress(total=len(indices), desc=desc, unit="utt", leave=False) as bar:
        for batch in loader:
            with autocast(device, precision):
                out = detector(batch.inputs.to(device), batch.lens.to(device), source.boundary)
            logits[[place[index] for index in batch.indices]] = out.float().cpu().numpy()
            bar.update(len(batch.indices))
    return logits


@torch.no_grad()
def score_waveform(detector: Detector, wav: np.ndarray, device: torch.device) -> float:
    """The score of one utterance (S,) float32 at 16 kHz; higher = bona fide."""
    x = prepare_waveform(wav, detector.encoder.config.normalize)[None].to(device)
    logits = detector(x, torch.tensor([x.shape[1]], device=device))
    return float(log_ratio(logits.float().cpu().numpy())[0])


def log_ratio(logits: np.ndarray) -> np.ndarray:
    """Scores (N,) of logits (N, 2): bonafide minus spoof, higher = bona fide.

    A log-likelihood ratio up to calibration.
    """
    return logits[:, 1] - logits[:, 0]
