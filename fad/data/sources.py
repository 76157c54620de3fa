"""Utterances ready for the encoder: from audio, or from what is stored of its frozen part."""

from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from fad.data import tables
from fad.data.audio import read_audio
from fad.data.lengths import prepared_length
from fad.data.packed import Texts
from fad.data.waveform import prepare_waveform
from fad.dump.arks import Entries, read_matrix
from fad.dump.layout import FEATS, Stored
from fad.encoders.boundary import FRONTEND, NONE, Boundary
from fad.utils.errors import FadError


class Grid(Protocol):
    """What is needed of `fad.encoders.frame_grid.FrameGrid`."""

    hop: int
    window: int
    channels: int

    def num_frames(self, samples: int) -> int: ...


class AudioSource:
    """Prepared waveforms of a `dump/audio/<set>`.

    Of a million utterances it holds no million objects, so that data workers share its memory.

    Attributes:
        utts: utterance ids, sorted.
        frames: how many frames each utterance gives, in the order of `utts`.
    """

    boundary = NONE

    def __init__(self, audio_dir: Path, grid: Grid, normalize: bool) -> None:
        self._grid, self._normalize = grid, normalize
        self.utts, self._paths, samples = Texts(), Texts(), array("q")
        for utt, (path, length) in tables.read_together(_audio_tables(audio_dir)):
            self.utts.append(utt)
            self._paths.append(path)
            samples.append(int(length))
        self.frames = frame_counts(samples, grid)

    def load(self, index: int) -> Tensor:
        """The whole utterance, (S,).

        Raises:
            FadError: its file cannot be read, or is not the one that stage 2 saw.
        """
        path = self._paths[index]
        wav = prepare_waveform(read_audio(path), self._normalize)
        if self._grid.num_frames(len(wav)) != self.frames[index]:
            raise FadError(f"{path}: not of the length in utt2num_samples: run stage 2 again")
        return wav

    def load_crop(self, index: int, start: int, frames: int) -> Tensor:
        """`crop` of `load`: all of the file is decoded, since all of it is normalised together."""
        return self.crop(self.load(index), start, frames)

    def crop(self, whole: Tensor, start: int, frames: int) -> Tensor:
        """The samples that `frames` frames from frame `start` see."""
        first = start * self._grid.hop
        return whole[first : first + (frames - 1) * self._grid.hop + self._grid.window]


class WaveformSource(AudioSource):
    """A waveform in memory as a source of one utterance: what scores files scores it too."""

    def __init__(self, wav: np.ndarray, grid: Grid, normalize: bool) -> None:
        self._prepared, self._grid = prepare_waveform(wav, normalize), grid
        self.utts = Texts(["waveform"])
        self.frames = array("q", [grid.num_frames(len(self._prepared))])

    def load(self, index: int) -> Tensor:
        """The prepared waveform, (S,)."""
        return self._prepared


class FrameSource:
    """Stored frames: those of the frontend, or the outputs of some blocks; the same utterances.

    Args:
        kinds: what is stored, the frontend alone or blocks in order, with the dump of each.
        audio_dir: the `dump/audio/<set>` that they are of.
        grid: of the encoder's frontend.

    Attributes:
        boundary: where they enter the encoder.
        utts, frames: as of an `AudioSource`; no more frames than are stored.
    """

    def __init__(self, kinds: list[tuple[Stored, Path]], audio_dir: Path, grid: Grid) -> None:
        self.boundary = Boundary(kinds[-1][0].number)
        self._parts = [(kind, Entries()) for kind, _ in kinds]
        self.utts, samples = Texts(), array("q")
        feats = {folder / FEATS: tables.check_no_pipe for _, folder in kinds}
        for utt, (_, length, *found) in tables.read_together(_audio_tables(audio_dir) | feats):
            self.utts.append(utt)
            samples.append(int(length))
            for (_, entries), entry in zip(self._parts, found, strict=True):
                entries.append(entry)
        self.frames = array("q", map(kinds[0][0].frames, frame_counts(samples, grid)))

    def load(self, index: int) -> Tensor:
        """The whole utterance, (T, C), or (T, n, D) of n blocks."""
        return self.load_crop(index, 0, self.frames[index])

    def load_crop(self, index: int, start: int, frames: int) -> Tensor:
        """`crop` of `load`, without reading the rest."""
        total = self.frames[index]
        rows = range(start, min(start + frames, total))
        parts = [
            read_matrix(entries[index], (total, kind.width), rows, kind.dtype)
            for kind, entries in self._parts
        ]
        found = parts[0] if self.boundary == FRONTEND else np.stack(parts, axis=1)
        return torch.from_numpy(found).float()

    def crop(self, whole: Tensor, start: int, frames: int) -> Tensor:
        """`frames` frames from frame `start`."""
        return whole[start : start + frames]


def frame_counts(samples: Iterable[int], grid: Grid) -> array:
    """The frames that utterances of so many samples give, once they are prepared."""
    return array("q", (grid.num_frames(prepared_length(count)) for count in samples))


def _audio_tables(audio_dir: Path) -> dict[Path, tables.Check]:
    return {
        audio_dir / "wav.scp": tables.check_no_pipe,
        audio_dir / tables.LENGTHS: tables.check_length,
    }
