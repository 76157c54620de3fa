"""Utterances ready for the encoder, from audio."""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from fad.data import tables
from fad.data.audio import read_audio
from fad.data.digests import DIGESTS, check_digest, check_has_digests, digest_of
from fad.data.lengths import prepared_length
from fad.data.packed import Texts
from fad.data.waveform import prepare_waveform
from fad.encoders.base import FAIRSEQ_EPS
from fad.encoders.boundary import NONE, Boundary
from fad.encoders.frame_grid import FrameGrid
from fad.utils.errors import FadError


class Source(ABC):
    """The utterances of a set, as the encoder takes them at a boundary.

    Ids and numbers are packed, not one object each, so that data workers share the memory.

    Attributes:
        boundary: where the utterances enter the encoder.
        utts: utterance ids, sorted.
        frames: (N,) the number of frames of each utterance, in the order of `utts`.
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
        """The same as `crop` of `load`: (S',), (T', C) or (T', n, D)."""

    @abstractmethod
    def crop(self, whole: Tensor, start: int, frames: int) -> Tensor:
        """The part of an utterance that gives `frames` frames from frame `start` on.

        Args:
            whole: samples (S,), frames (T, C), or outputs of n blocks (T, n, D).
            start: the first frame.
            frames: how many.

        Returns:
            (S',), (T', C) or (T', n, D); shorter where the utterance ends before.
        """


class AudioSource(Source):
    """Prepared waveforms of a `dump/audio/<set>`."""

    boundary = NONE

    def __init__(
        self, audio_dir: Path, grid: FrameGrid, normalize: bool, eps: float = FAIRSEQ_EPS
    ) -> None:
        self._grid, self._normalize, self._eps = grid, normalize, eps
        self.utts, self._paths, samples = Texts(), Texts(), array("q")
        self._digests = bytearray()  # 16 bytes each
        for utt, (path, length, digest) in tables.read_together(audio_tables(audio_dir)):
            self.utts.append(utt)
            self._paths.append(path)
            samples.append(int(length))
            self._digests += bytes.fromhex(digest)
        self.frames = frame_counts(samples, grid)

    def load(self, index: int) -> Tensor:
        """The whole utterance, (S,) float32.

        Raises:
            FadError: its file cannot be read, or has other samples than in stage 2.
        """
        wav = self.prepare(self.read(index))
        if self._grid.num_frames(len(wav)) != self.frames[index]:
            path = self._paths[index]
            raise FadError(f"{path}: not of the length in utt2num_samples: run stage 2 again")
        return wav

    def read(self, index: int) -> np.ndarray:
        """The audio of the file, not prepared: (S,) float32 at 16 kHz.

        Raises:
            FadError: the file cannot be read, or has other samples than in stage 2.
        """
        wav = read_audio(self._paths[index])
        if bytes.fromhex(digest_of(wav)) != self._digests[16 * index : 16 * index + 16]:
            raise FadError(
                f"{self._paths[index]}: not the audio that stage 2 read: run stage 2 again (if the "
                "file is one of the dump, remove it before)"
            )
        return wav

    def prepare(self, wav: np.ndarray) -> Tensor:
        """Prepares audio (S,) as `load` does: (max(S, 64,600),) float32."""
        return prepare_waveform(wav, self._normalize, self._eps)

    def load_crop(self, index: int, start: int, frames: int) -> Tensor:
        """`crop` of `load`, (S',). The whole file is decoded, since it is normalised as a whole."""
        return self.crop(self.load(index), start, frames)

    def crop(self, whole: Tensor, start: int, frames: int) -> Tensor:
        """The samples (S',) of whole (S,) that `frames` frames from frame `start` on see."""
        first = start * self._grid.hop
        return whole[first : first + (frames - 1) * self._grid.hop + self._grid.window]


class WaveformSource(AudioSource):
    """A source of one utterance: a waveform (S,) in memory, scored as a file is."""

    def __init__(
        self, wav: np.ndarray, grid: FrameGrid, normalize: bool, eps: float = FAIRSEQ_EPS
    ) -> None:
        self._prepared, self._grid = prepare_waveform(wav, normalize, eps), grid
        self.utts = Texts(["waveform"])
        self.frames = array("q", [grid.num_frames(len(self._prepared))])

    def load(self, index: int) -> Tensor:
        """The prepared waveform, (S,) float32."""
        return self._prepared


def frame_counts(samples: Iterable[int], grid: FrameGrid) -> "array[int]":
    """The number of frames of each utterance (N,), from its samples (N,) before preparation."""
    return array("q", (grid.num_frames(prepared_length(count)) for count in samples))


def audio_tables(audio_dir: Path) -> dict[Path, tables.Check]:
    """The tables of a `dump/audio/<set>` that a source reads, each with the check of its values."""
    check_has_digests(audio_dir)
    return {
        audio_dir / "wav.scp": tables.check_no_pipe,
        audio_dir / tables.LENGTHS: tables.check_length,
        audio_dir / DIGESTS: check_digest,
    }
