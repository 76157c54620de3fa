"""Utterances ready for the encoder, from audio."""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from fad.data import tables
from fad.data.audio import read_audio
from fad.data.lengths import prepared_length
from fad.data.packed import Texts
from fad.data.waveform import prepare_waveform
from fad.encoders.boundary import NONE, Boundary
from fad.encoders.frame_grid import FrameGrid
from fad.utils.errors import FadError


class Source(ABC):
    """The utterances of a set, as the encoder takes them at a boundary.

    A million utterances are no million objects here, so that data workers share the memory.

    Attributes:
        boundary: where the utterances enter the encoder.
        utts: utterance ids, sorted.
        frames: how many frames each utterance gives, in the order of `utts`.
    """

    boundary: Boundary
    utts: Sequence[str]
    frames: Sequence[int]

    @abstractmethod
    def load(self, index: int) -> Tensor:
        """The whole utterance: samples (S,), frames (T, C), or outputs of n blocks (T, n, D).

        Raises:
            FadError: its file cannot be read.
        """

    @abstractmethod
    def load_crop(self, index: int, start: int, frames: int) -> Tensor:
        """`crop` of `load`."""

    @abstractmethod
    def crop(self, whole: Tensor, start: int, frames: int) -> Tensor:
        """The part of an utterance that gives `frames` frames from frame `start`."""


class AudioSource(Source):
    """Prepared waveforms of a `dump/audio/<set>`."""

    boundary = NONE

    def __init__(self, audio_dir: Path, grid: FrameGrid, normalize: bool) -> None:
        self._grid, self._normalize = grid, normalize
        self.utts, self._paths, samples = Texts(), Texts(), array("q")
        for utt, (path, length) in tables.read_together(audio_tables(audio_dir)):
            self.utts.append(utt)
            self._paths.append(path)
            samples.append(int(length))
        self.frames = frame_counts(samples, grid)

    def load(self, index: int) -> Tensor:
        """The whole utterance, (S,).

        Raises:
            FadError: its file cannot be read, or is not the one that stage 2 saw.
        """
        wav = self.prepare(self.read(index))
        if self._grid.num_frames(len(wav)) != self.frames[index]:
            path = self._paths[index]
            raise FadError(f"{path}: not of the length in utt2num_samples: run stage 2 again")
        return wav

    def read(self, index: int) -> np.ndarray:
        """The audio as it is in its file, (S,) float32 at 16 kHz.

        Raises:
            FadError: the file cannot be read.
        """
        return read_audio(self._paths[index])

    def prepare(self, wav: np.ndarray) -> Tensor:
        """Audio (S,) -> what `load` gives of it, (max(S, 64,600),)."""
        return prepare_waveform(wav, self._normalize)

    def load_crop(self, index: int, start: int, frames: int) -> Tensor:
        """`crop` of `load`: all of the file is decoded, since all of it is normalised together."""
        return self.crop(self.load(index), start, frames)

    def crop(self, whole: Tensor, start: int, frames: int) -> Tensor:
        """The samples that `frames` frames from frame `start` see."""
        first = start * self._grid.hop
        return whole[first : first + (frames - 1) * self._grid.hop + self._grid.window]


class WaveformSource(AudioSource):
    """A waveform in memory as a source of one utterance: what scores files scores it too."""

    def __init__(self, wav: np.ndarray, grid: FrameGrid, normalize: bool) -> None:
        self._prepared, self._grid = prepare_waveform(wav, normalize), grid
        self.utts = Texts(["waveform"])
        self.frames = array("q", [grid.num_frames(len(self._prepared))])

    def load(self, index: int) -> Tensor:
        """The prepared waveform, (S,)."""
        return self._prepared


def frame_counts(samples: Iterable[int], grid: FrameGrid) -> array:
    """The frames that utterances of so many samples give, once they are prepared."""
    return array("q", (grid.num_frames(prepared_length(count)) for count in samples))


def audio_tables(audio_dir: Path) -> dict[Path, tables.Check]:
    """The tables of a `dump/audio/<set>` that a source reads, with the check of their values."""
    return {
        audio_dir / "wav.scp": tables.check_no_pipe,
        audio_dir / tables.LENGTHS: tables.check_length,
    }
