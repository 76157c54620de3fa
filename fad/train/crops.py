"""What training reads of a set: its crops, labelled and augmented."""

import numpy as np

from fad.augment.chain import Chain
from fad.config.train import TrainSettings
from fad.data.batches import Crops, FirstCrops, RandomCrops
from fad.data.sources import Source
from fad.data.waveform import MIN_SAMPLES
from fad.models.detector import Detector
from fad.utils.errors import FadError


def training_crops(
    detector: Detector,
    source: Source,
    labels: np.ndarray,
    settings: TrainSettings,
    augment: Chain | None,
) -> Crops:
    """The crops of a set that a detector is trained on.

    Args:
        detector: its encoder says how many frames `train.crop_samples` give.
        source: the utterances; of audio, where they are augmented.
        labels: their classes (N,), 0 spoof and 1 bonafide.
        settings: the `train` part of the config.
        augment: changes their audio anew in each epoch.

    Raises:
        FadError: the back-end takes one length, and an utterance is shorter than a crop.
    """
    frames = detector.encoder.grid.num_frames(settings.crop_samples)
    if detector.backend.equal_lengths:
        _check_lengths(source, frames)
    if settings.crop == "random":
        return RandomCrops(source, frames, settings.seed, labels.tolist(), augment)
    return FirstCrops(source, frames, labels.tolist(), augment)


def _check_lengths(source: Source, frames: int) -> None:
    shortest = min(source.frames)
    if shortest < frames:
        raise FadError(
            f"train.crop_samples asks for {frames} frames, and '"
            f"{source.utts[source.frames.index(shortest)]}' has {shortest}: this back-end takes "
            f"crops of one length: give {MIN_SAMPLES} or less"
        )
