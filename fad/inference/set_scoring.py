"""Stage 4: scores some shards of a dumped set."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from fad.data.sources import AudioSource
from fad.experiment.directory import ExperimentDir
from fad.experiment.scores import ScoringMode
from fad.inference.loading import load_for_scoring
from fad.inference.scoring import score_shards


def score_audio(
    model: ExperimentDir,
    pretrained: Path | None,
    audio: Path,
    shards: Sequence[range],
    device: torch.device,
    mode: ScoringMode,
) -> Iterator[dict[str, str]]:
    """Yields the scores of each shard as text, by utterance.

    Args:
        model: the experiment of the model.
        pretrained: the pre-trained file, if it has moved since training.
        audio: a `dump/audio/<set>`.
        shards: numbers of utterances, in the order of its tables.
        device: where to score.
        mode: precision and compute factor.

    Raises:
        FadError: the model or a clip cannot be read, or a score is not finite.
    """
    detector = load_for_scoring(model.path, pretrained, device, mode.precision, mode.compute)
    encoder = detector.encoder
    source = AudioSource(audio, encoder.grid, encoder.normalize, encoder.normalize_eps)
    scored = score_shards(detector, source, shards, device, desc=audio.name)
    for shard, scores in zip(shards, scored, strict=True):
        utts = (source.utts[index] for index in shard)
        yield {utt: f"{score:.6f}" for utt, score in zip(utts, scores, strict=True)}
