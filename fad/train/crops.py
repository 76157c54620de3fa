"""The crops of a set for training, with labels and augmentation."""

import numpy as np

from fad.augment.chain import Chain
from fad.config.train import TrainSettings
from fad.data.batches import Crops, FirstCrops, RandomCrops
from fad.data.lengths import MIN_SAMPLES
from fad.data.sources import Source
from fad.models.detector import Detector
from fad.utils.errors import FadError


def training_crops(
    detector: Detector,
    source: Source,
    labels: np.ndarray,
    settings: TrainSettings,
    augment: Chain | None,
) -> Crops:
    """The crops of a set for training a detector.

    Args:
        detector: its encoder determines how many frames `train.crop_samples` make.
        source: the utterances; it must be audio if they are augmented.
        labels: their classes (N,) int64, 0 spoof and 1 bonafide.
        settings: the `train` part of the config.
        augment: changes the audio differently in each epoch; None leaves it as it is.

    Raises:
        FadError: the back-end needs crops of one length, and an utterance is shorter than a crop.
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
