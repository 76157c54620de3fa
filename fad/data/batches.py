"""Batches: crops of one length for training, whole utterances of similar length for scoring."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from fad.data.sources import AudioSource, Source
from fad.data.workers import Loader

NO_FRAME = -100  # the frame label at padding; torch's cross-entropy ignores it


@dataclass(frozen=True)
class Example:
    """An utterance, or a crop of one.

    Attributes:
        index: its number in the set.
        utt: its id, `<corpus>-<name>`.
        start: the first frame of the crop; 0 for a whole utterance.
        inputs: samples (S,), frames (T, C), or outputs of n blocks (T, n, D).
        label: 0 spoof, 1 bonafide; None if no labels are read.
        frame_labels: (T,) int64, the label of each frame, if known.
    """

    index: int
    utt: str
    start: int
    inputs: Tensor
    label: int | None = None
    frame_labels: Tensor | None = None

    @property
    def corpus(self) -> str:
        """The corpus of the utterance."""
        return self.utt.partition("-")[0]


@dataclass
class Batch:
    """Several examples.

    Attributes:
        inputs: (B, S), (B, T, C) or (B, T, n, D), padded with zeros.
        lens: (B,) int64, samples or frames in each.
        indices: the number of each in its set.
        starts: (B,) int64, the first frame of each crop.
        labels: (B,) int64, 0 spoof and 1 bonafide; None if no labels are read.
        frame_labels: (B, T) int64, `NO_FRAME` at padding; None unless every example has them.
    """

    inputs: Tensor
    lens: Tensor
    indices: list[int]
    starts: Tensor
    labels: Tensor | None = None
    frame_labels: Tensor | None = None

    @property
    def known_labels(self) -> Tensor:
        """`labels` of a set that has them.

        Raises:
            ValueError: it has none.
        """
        if self.labels is None:
            raise ValueError("the utterances of this batch have no labels")
        return self.labels

    def pin_memory(self) -> "Batch":
        """A copy in page-locked memory; a DataLoader with `pin_memory` calls this."""
        tensors = {key: value for key, value in vars(self).items() if isinstance(value, Tensor)}
        pinned: dict[str, Any] = {key: value.pin_memory() for key, value in tensors.items()}
        return replace(self, **pinned)


def collate(examples: Sequence[Example]) -> Batch:
    """Pads inputs (S,), (T, C) or (T, n, D) with zeros to the longest: (B, ...).

    No examples make an empty batch.
    """
    if not examples:
        nothing = torch.zeros(0, dtype=torch.int64)
        return Batch(torch.zeros(0), nothing, [], nothing, nothing)
    inputs = [example.inputs for example in examples]
    labels = [example.label for example in examples]
    frame_labels = [one.frame_labels for one in examples if one.frame_labels is not None]
    return Batch(
        pad_sequence(inputs, batch_first=True),
        torch.tensor([len(item) for item in inputs]),
        [example.index for example in examples],
        torch.tensor([example.start for example in examples]),
        None if None in labels else torch.tensor(labels),
        None
        if len(frame_labels) < len(examples)
        else pad_sequence(frame_labels, batch_first=True, padding_value=NO_FRAME),
    )


class Utterances(Dataset[Example]):
    """A set's utterances as examples.

    Args:
        source: the utterances.
        labels: their classes (N,), 0 spoof and 1 bonafide; None for scoring.
    """

    def __init__(self, source: Source, labels: Sequence[int] | None = None) -> None:
        self.source, self.labels = source, labels

    def _example(self, index: int, start: int, inputs: Tensor) -> Example:
        label = None if self.labels is None else int(self.labels[index])
        return Example(index, self.source.utts[index], start, inputs, label)


class WholeUtterances(Utterances):
    """Utterances without cropping, by their index."""

    def __getitem__(self, index: int) -> Example:
        return self._example(index, 0, self.source.load(index))


class Crops(Utterances, ABC):
    """One crop of each utterance in each epoch, by keys (epoch, utterance).

    Args:
        source: the utterances.
        frames: in a crop; a shorter utterance is used whole.
        labels: the classes (N,) of the utterances, if needed.
        augment: audio (S,), epoch, utterance -> audio (S,); for a source of audio only.
    """

    def __init__(
        self,
        source: Source,
        frames: int,
        labels: Sequence[int] | None = None,
        augment: Callable[[np.ndarray, int, int], np.ndarray] | None = None,
    ) -> None:
        super().__init__(source, labels)
        self.frames, self.augment = frames, augment

    def __getitem__(self, key: tuple[int, int]) -> Example:
        epoch, index = key
        start = self._start(epoch, index)
        if self.augment is None:
            inputs = self.source.load_crop(index, start, self.frames)
        else:
            source = cast(AudioSource, self.source)
            wav = self.augment(source.read(index), epoch, index)
            inputs = source.crop(source.prepare(wav), start, self.frames)
        return self._example(index, start, inputs)

    @abstractmethod
    def _start(self, epoch: int, index: int) -> int:
        """The first frame of a crop."""


class RandomCrops(Crops):
    """Crops at random places that depend only on seed, epoch and the utterance's number.

    A crop starts at a frame, so that crops of stored frames equal crops of the audio.

    Args:
        seed: of the draws.
        source, frames, labels, augment: as for `Crops`.
    """

    def __init__(
        self,
        source: Source,
        frames: int,
        seed: int,
        labels: Sequence[int] | None = None,
        augment: Callable[[np.ndarray, int, int], np.ndarray] | None = None,
    ) -> None:
        super().__init__(source, frames, labels, augment)
        self.seed = seed

    def _start(self, epoch: int, index: int) -> int:
        rng = np.random.default_rng([self.seed, epoch, index])
        return int(rng.integers(max(self.source.frames[index] - self.frames, 0) + 1))


class FirstCrops(Crops):
    """The same crop in every epoch: the first frames."""

    def _start(self, epoch: int, index: int) -> int:
        return 0


class EpochBatches:
    """Batches of (epoch, utterance), shuffled by seed and epoch; the last may be smaller.

    Each of several processes takes its share of every batch; a share may be empty. Together they
    see each utterance once an epoch, in the same batches as a single process.

    Args:
        size: utterances in the set.
        batch_size: utterances in a batch, over all processes.
        seed: of the order.
        rank: this process, from 0.
        world_size: number of processes.
    """

    def __init__(
        self, size: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        self.size, self.batch_size, self.seed = size, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self.begin(0)

    def begin(self, epoch: int, first: int = 0) -> None:
        """Sets the next epoch and its first batch."""
        self.epoch, self.first = epoch, first

    def whole(self, epoch: int, first: int = 0) -> Iterator[list[tuple[int, int]]]:
        """The batches of an epoch from number `first` on, over all processes."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.size)
        for start in range(first * self.batch_size, self.size, self.batch_size):
            yield [(epoch, int(index)) for index in order[start : start + self.batch_size]]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for batch in self.whole(self.epoch, self.first):
            yield batch[self.rank :: self.world_size]

    def __len__(self) -> int:
        """Batches in a whole epoch."""
        return -(-self.size // self.batch_size)


def length_batches(
    source: Source, indices: list[int], max_frames: int, equal_lengths: bool
) -> list[list[int]]:
    """Batches of similar lengths with at most `max_frames` frames, including padding.

    Args:
        source: the utterances.
        indices: which of them.
        max_frames: a longer utterance gets a batch of its own.
        equal_lengths: whether all utterances of a batch must have the same number of frames, so
            that nothing is padded.
    """
    batches: list[list[int]] = []
    numbers = np.asarray(indices, dtype=np.int64)
    lengths = np.asarray(source.frames, dtype=np.int64)[numbers]
    for index in numbers[np.lexsort((numbers, lengths))].tolist():
        # They are sorted, so the newest utterance is the longest of its batch.
        frames = source.frames[index]
        fits = bool(batches) and (len(batches[-1]) + 1) * frames <= max_frames
        if fits and not (equal_lengths and source.frames[batches[-1][0]] < frames):
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def training_loader(
    crops: Crops, batches: EpochBatches, num_workers: int, pin_memory: bool = False
) -> Loader:
    """Loads crops in the order of `batches`; call `batches.begin` before each epoch."""
    return Loader(crops, batches, collate, num_workers, pin_memory)


def scoring_loader(
    utterances: WholeUtterances,
    indices: list[int],
    max_frames: int,
    equal_lengths: bool,
    num_workers: int,
    pin_memory: bool = False,
) -> Loader:
    """Loads whole utterances in the batches of `length_batches`."""
    batches = length_batches(utterances.source, indices, max_frames, equal_lengths)
    return Loader(utterances, batches, collate, num_workers, pin_memory)
