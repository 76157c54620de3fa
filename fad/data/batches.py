"""Batches: crops of one length in training, whole utterances by length in scoring."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from fad.data.sources import AudioSource, FrameSource
from fad.data.workers import Loader

Source = AudioSource | FrameSource


@dataclass
class Batch:
    """Utterances together: inputs (B, S) or (B, T, C), lens (B,), and where they are in the set."""

    inputs: Tensor
    lens: Tensor
    indices: list[int]

    def pin_memory(self) -> "Batch":
        """Itself in page-locked memory; a DataLoader with `pin_memory` asks its batches for it."""
        return Batch(self.inputs.pin_memory(), self.lens.pin_memory(), self.indices)


def collate(examples: list[tuple[int, Tensor]]) -> Batch:
    """Pads with zeros to the longest; of no examples, an empty batch."""
    if not examples:
        return Batch(torch.zeros(0), torch.zeros(0, dtype=torch.int64), [])
    indices, inputs = zip(*examples, strict=True)
    lens = torch.tensor([len(item) for item in inputs])
    return Batch(pad_sequence(list(inputs), batch_first=True), lens, list(indices))


class WholeUtterances(Dataset):
    """Every utterance as it is."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __getitem__(self, index: int) -> tuple[int, Tensor]:
        return index, self.source.load(index)


class RandomCrops(Dataset):
    """A crop of each utterance, drawn by seed, epoch and utterance and by nothing else.

    Crops start at a frame, so that those of stored frames equal those of the audio.
    """

    def __init__(self, source: Source, frames: int, seed: int) -> None:
        self.source, self.frames, self.seed = source, frames, seed

    def __getitem__(self, key: tuple[int, int]) -> tuple[int, Tensor]:
        epoch, index = key
        rng = np.random.default_rng([self.seed, epoch, index])
        start = int(rng.integers(max(self.source.frames[index] - self.frames, 0) + 1))
        return index, self.source.load_crop(index, start, self.frames)


class FirstCrops(Dataset):
    """The same crop of each utterance in every epoch: its first frames."""

    def __init__(self, source: Source, frames: int) -> None:
        self.source, self.frames = source, frames

    def __getitem__(self, key: tuple[int, int]) -> tuple[int, Tensor]:
        _, index = key
        return index, self.source.load_crop(index, 0, self.frames)


class EpochBatches:
    """Batches of (epoch, utterance), shuffled by seed and epoch; the last may be smaller.

    Of several processes each takes its share of every batch, none where a batch has too few: all
    together see each utterance once an epoch, in the batches that one process would see.

    Args:
        size: utterances in the set.
        batch_size: utterances in a batch, of all processes together.
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
        """Sets which epoch comes next, and the batch that it begins with."""
        self.epoch, self.first = epoch, first

    def whole(self, epoch: int, first: int = 0) -> Iterator[list[tuple[int, int]]]:
        """The batches of an epoch from number `first` on, of all processes together."""
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
    """Batches of similar lengths with at most `max_frames` frames, padding counted (or of one).

    Args:
        source: the utterances.
        indices: which of them.
        max_frames: an utterance of more is alone.
        equal_lengths: whether all in a batch must have one number of frames: nothing is padded.
    """
    batches: list[list[int]] = []
    indices = np.asarray(indices, dtype=np.int64)
    lengths = np.asarray(source.frames, dtype=np.int64)[indices]
    for index in indices[np.lexsort((indices, lengths))].tolist():
        # Sorted, so the newest utterance is the longest of its batch.
        frames = source.frames[index]
        fits = bool(batches) and (len(batches[-1]) + 1) * frames <= max_frames
        if fits and not (equal_lengths and source.frames[batches[-1][0]] < frames):
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def training_loader(
    crops: RandomCrops | FirstCrops, batches: EpochBatches, num_workers: int
) -> Loader:
    """Crops in the order of `batches`, which is told the epoch before each pass."""
    return Loader(crops, batches, collate, num_workers)


def scoring_loader(
    source: Source, indices: list[int], max_frames: int, equal_lengths: bool, num_workers: int
) -> Loader:
    """Whole utterances in the batches of `length_batches`."""
    batches = length_batches(source, indices, max_frames, equal_lengths)
    return Loader(WholeUtterances(source), batches, collate, num_workers)
