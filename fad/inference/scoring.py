"""Scores of a set: utterances in batches by length, long ones in windows.

An utterance of more than 3,200 frames (64 s) is cut into windows of nearly one length, and its
logits are the mean of theirs: memory is bounded, whatever the length. The waveform is prepared
whole, as for all others.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from fad.data.batches import Batch, Source, scoring_loader
from fad.data.sources import WaveformSource
from fad.data.windows import MAX_FRAMES, windows
from fad.models.detector import Detector
from fad.utils.devices import autocast
from fad.utils.errors import FadError
from fad.utils.progress import progress


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
    with progress(total=len(indices), desc=desc, unit="utt", leave=False) as bar:
        return _predict(detector, source, indices, device, precision, num_workers, bar.update)


def score_shards(
    detector: Detector,
    source: Source,
    shards: Sequence[Sequence[int]],
    device: torch.device,
    desc: str,
) -> Iterator[np.ndarray]:
    """The scores (N,) of each shard of a set, as they are made.

    A batch has utterances of one shard alone: so it is the same whoever scores the others.

    Raises:
        FadError: a score is not finite.
    """
    total = sum(map(len, shards))
    with progress(total=total, desc=desc, unit="utt", leave=False) as bar:
        for shard in shards:
            logits = _predict(detector, source, shard, device, "fp32", 0, bar.update)
            scores = log_ratio(logits)
            check_finite([source.utts[index] for index in shard], scores)
            yield scores


@torch.no_grad()
def _predict(
    detector: Detector,
    source: Source,
    indices: Sequence[int],
    device: torch.device,
    precision: str,
    num_workers: int,
    tick: Callable[[int], object],
) -> np.ndarray:
    """As `predict`; tells `tick` how many utterances are done."""
    detector.eval()
    place = {index: row for row, index in enumerate(indices)}
    logits = np.empty((len(indices), 2), dtype=np.float32)
    # Padding would reach the real frames of an encoder that normalises over time: one at a time.
    max_frames = MAX_FRAMES if detector.encoder.local_frames else 1
    equal_lengths = detector.backend.equal_lengths
    loader = scoring_loader(source, list(indices), max_frames, equal_lengths, num_workers)
    for batch in loader:
        with autocast(device, precision):
            out = _logits(detector, source, batch, device)
        logits[[place[index] for index in batch.indices]] = out.float().cpu().numpy()
        tick(len(batch.indices))
    return logits


@torch.no_grad()
def _logits(detector: Detector, source: Source, batch: Batch, device: torch.device) -> Tensor:
    """Logits (B, 2); of an utterance over `MAX_FRAMES`, alone in its batch, the mean of windows."""
    frames = max(source.frames[index] for index in batch.indices)
    if frames <= MAX_FRAMES:
        return detector(batch.inputs.to(device), batch.lens.to(device), source.boundary)
    (whole,) = batch.inputs
    parts = (source.crop(whole, start, size) for start, size in windows(frames, MAX_FRAMES))
    logits = [
        detector(part[None].to(device), torch.tensor([len(part)], device=device), source.boundary)
        for part in parts
    ]
    return torch.cat(logits).float().mean(0, keepdim=True)


@torch.no_grad()
def score_waveform(detector: Detector, wav: np.ndarray, device: torch.device) -> float:
    """The score of one utterance (S,) float32 at 16 kHz; higher = bona fide."""
    config = detector.encoder.config
    source = WaveformSource(wav, config.grid, config.normalize)
    x = source.load(0)
    batch = Batch(x[None], torch.tensor([len(x)]), [0])
    logits = _logits(detector, source, batch, device)
    return float(log_ratio(logits.float().cpu().numpy())[0])


def check_finite(names: list[str], scores: np.ndarray) -> None:
    """Checks that scores (N,) are numbers.

    Raises:
        FadError: one is not; its utterance or file is named.
    """
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        raise FadError(
            f"{names[bad[0]]}: its score is {scores[bad[0]]} ({len(bad)} of {len(scores)} are not "
            "finite): look at the clip, and fetch the pre-trained file again or train again"
        )


def log_ratio(logits: np.ndarray) -> np.ndarray:
    """Scores (N,) of logits (N, 2): bonafide minus spoof, higher = bona fide.

    A log-likelihood ratio up to calibration.
    """
    return logits[:, 1] - logits[:, 0]
