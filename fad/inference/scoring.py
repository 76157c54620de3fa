"""Scores a set: utterances in batches by length, long ones in windows.

An utterance of more than 3,200 frames (64 s) is cut into windows of nearly equal length. Its
embedding and logits are the means over the windows, so memory does not grow with the length. The
waveform is prepared as a whole, as for all utterances.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from fad.data.batches import Batch, WholeUtterances, collate, scoring_loader
from fad.data.sources import Source, WaveformSource
from fad.data.windows import MAX_FRAMES, windows
from fad.models.detector import Detector
from fad.utils.devices import autocast
from fad.utils.errors import FadError
from fad.utils.progress import progress


def score_utterances(
    detector: Detector,
    source: Source,
    indices: Sequence[int],
    device: torch.device,
    precision: str = "fp32",
    desc: str = "score",
) -> np.ndarray:
    """The scores (N,) float32 of some utterances of a source, in the order of `indices`."""
    with progress(total=len(indices), desc=desc, unit="utt", leave=False) as bar:
        return _score(detector, source, indices, device, precision, bar)


def score_shards(
    detector: Detector,
    source: Source,
    shards: Sequence[Sequence[int]],
    device: torch.device,
    desc: str,
) -> Iterator[np.ndarray]:
    """Yields the scores (N,) float32 of each shard of a set, one after another.

    A batch has utterances of one shard only, so it does not depend on who scores the others.

    Raises:
        FadError: a score is not finite.
    """
    total = sum(map(len, shards))
    with progress(total=total, desc=desc, unit="utt", leave=False) as bar:
        for shard in shards:
            scores = _score(detector, source, shard, device, "fp32", bar)
            check_finite([source.utts[index] for index in shard], scores)
            yield scores


@torch.no_grad()
def _score(
    detector: Detector,
    source: Source,
    indices: Sequence[int],
    device: torch.device,
    precision: str,
    bar: tqdm,
) -> np.ndarray:
    """As `score_utterances`, with a progress bar that several calls share."""
    place = {index: row for row, index in enumerate(indices)}
    scores = np.empty(len(indices), dtype=np.float32)
    for batch, embedding, logits in outputs(
        detector, WholeUtterances(source), indices, device, precision
    ):
        found = detector.loss.score(embedding, logits)
        scores[[place[index] for index in batch.indices]] = found.cpu().numpy()
        bar.update(len(batch.indices))
    return scores


@torch.no_grad()
def outputs(
    detector: Detector,
    utterances: WholeUtterances,
    indices: Sequence[int],
    device: torch.device,
    precision: str = "fp32",
    num_workers: int = 0,
) -> Iterator[tuple[Batch, Tensor, Tensor]]:
    """The detector's outputs for some utterances, in batches by length.

    Yields:
        A batch, its embeddings (B, E) and its logits (B, 2), both float32 and on `device`.
    """
    detector.eval()
    source = utterances.source
    # If the encoder normalises over time, padding would change real frames: one at a time.
    max_frames = MAX_FRAMES if detector.encoder.local_frames else 1
    equal_lengths = detector.backend.equal_lengths
    for batch in scoring_loader(
        utterances, list(indices), max_frames, equal_lengths, num_workers, device.type == "cuda"
    ):
        with autocast(device, precision):
            embedding, logits = _outputs(detector, source, batch, device)
        yield batch, embedding.float(), logits.float()


def _outputs(
    detector: Detector, source: Source, batch: Batch, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Embeddings (B, E) and logits (B, 2).

    Longer than `MAX_FRAMES`: averages windows. Such an utterance has a batch of its own.
    """
    frames = max(source.frames[index] for index in batch.indices)
    if frames <= MAX_FRAMES:
        return detector.outputs(batch.inputs.to(device), batch.lens.to(device), source.boundary)
    (whole,) = batch.inputs
    parts = (source.crop(whole, start, size) for start, size in windows(frames, MAX_FRAMES))
    found = [
        detector.outputs(
            part[None].to(device), torch.tensor([len(part)], device=device), source.boundary
        )
        for part in parts
    ]
    embeddings, logits = zip(*found, strict=True)
    embedding, mean = (torch.cat(x).float().mean(0, keepdim=True) for x in (embeddings, logits))
    return embedding, mean


def score_waveform(detector: Detector, wav: np.ndarray, device: torch.device) -> float:
    """The score of one utterance (S,) float32 at 16 kHz; higher means bona fide."""
    encoder = detector.encoder
    source = WaveformSource(wav, encoder.grid, encoder.normalize, encoder.normalize_eps)
    batch = collate([WholeUtterances(source)[0]])
    with torch.no_grad():
        embedding, logits = _outputs(detector, source, batch, device)
    return float(detector.loss.score(embedding.float(), logits.float())[0])


def check_finite(names: list[str], scores: np.ndarray) -> None:
    """Checks that scores (N,) are finite.

    Raises:
        FadError: one is not; the text has its name.
    """
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        raise FadError(
            f"{names[bad[0]]}: its score is {scores[bad[0]]} ({len(bad)} of {len(scores)} are not "
            "finite): look at the clip, and fetch the pre-trained file again or train again"
        )
