"""Utterances ready for the encoder, from the stored outputs of its frozen part."""

from array import array
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fad.data import tables
from fad.data.packed import Texts
from fad.data.sources import Source, audio_tables, frame_counts
from fad.dump.arks import Entries, read_matrix
from fad.dump.layout import FEATS, Stored
from fad.encoders.boundary import FRONTEND, Boundary
from fad.encoders.frame_grid import FrameGrid


class FrameSource(Source):
    """Stored frames of a set: those of the frontend, or the outputs of some blocks.

    Args:
        kinds: what is stored, only the frontend or blocks in order, each with its folder.
        audio_dir: the `dump/audio/<set>` of the same utterances.
        grid: the frame grid of the encoder's frontend.

    Attributes:
        boundary: where they enter the encoder.
        utts, frames: as in `AudioSource`, but no more frames than are stored.
    """

    def __init__(self, kinds: list[tuple[Stored, Path]], audio_dir: Path, grid: FrameGrid) -> None:
        self.boundary = Boundary(kinds[-1][0].number)
        self._parts = [(kind, Entries()) for kind, _ in kinds]
        self.utts, samples = Texts(), array("q")
        feats = {folder / FEATS: tables.check_no_pipe for _, folder in kinds}
        for utt, (_, length, _, *found) in tables.read_together(audio_tables(audio_dir) | feats):
            self.utts.append(utt)
            samples.append(int(length))
            for (_, entries), entry in zip(self._parts, found, strict=True):
                entries.append(entry)
        self.frames = array("q", map(kinds[0][0].frames, frame_counts(samples, grid)))

    def load(self, index: int) -> Tensor:
        """The whole utterance, (T, C) of the frontend or (T, n, D) of n blocks, float32."""
        return self.load_crop(index, 0, self.frames[index])

    def load_crop(self, index: int, start: int, frames: int) -> Tensor:
        """The same as `crop` of `load`, (T', C) or (T', n, D) float32, without reading the rest."""
        total = self.frames[index]
        rows = range(start, min(start + frames, total))
        parts = [
            read_matrix(entries[index], (total, kind.width), rows, kind.dtype)
            for kind, entries in self._parts
        ]
        found = parts[0] if self.boundary == FRONTEND else np.stack(parts, axis=1)
        return torch.from_numpy(found).float()

    def crop(self, whole: Tensor, start: int, frames: int) -> Tensor:
        """At most `frames` frames of whole (T, ...) from frame `start` on, (T', ...)."""
        return whole[start : start + frames]
