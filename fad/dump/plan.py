"""Which stored frames an experiment can use for a set: how deep, in which form, and where."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fad.config.train import TrainSettings
from fad.data.fingerprint import audio_fingerprint
from fad.data.sources import AudioSource, Source
from fad.dump.layout import Stored, check_owner, description, dump_dir, is_complete
from fad.dump.sources import FrameSource
from fad.encoders.base import Encoder
from fad.encoders.boundary import FRONTEND, NONE, Boundary, named_boundary, needed_outputs
from fad.encoders.checkpoint import pretrained_sha256, read_checkpoint
from fad.models.detector import Detector, assemble, new_adaptation
from fad.utils.devices import choose_device
from fad.utils.errors import FadError

AUTO = "auto"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dumps:
    """The stored frames of one set, for one detector.

    Args:
        detector: its method determines how deep the encoder is frozen.
        settings: the `train` part of the config.
        dump: stage 2's directory.
        pretrained: the pre-trained file, and its `sha256`.
        name: the name of the set, under `dump/audio`.
        use: `train` to read crops, or `dev` to read whole utterances.
        augmented: whether training changes the audio anew in each epoch.
    """

    detector: Detector
    settings: TrainSettings
    dump: Path
    pretrained: Path
    sha256: str
    name: str
    use: str
    augmented: bool = False

    @property
    def audio(self) -> Path:
        """Stage 2's audio of the set."""
        return self.dump / "audio" / self.name

    def audio_source(self) -> AudioSource:
        """The set as audio."""
        encoder = self.detector.encoder
        return AudioSource(self.audio, encoder.grid, encoder.normalize, encoder.normalize_eps)

    def encoder_on(self, ngpu: int) -> Encoder:
        """The encoder, on a GPU or the CPU to encode; a node that only joins may have no GPU.

        Raises:
            FadError: there is no such GPU.
        """
        return self.detector.encoder.to(choose_device(ngpu))

    @property
    def deepest(self) -> Boundary:
        """The deepest usable boundary for the set.

        After the frontend every frame depends on its whole crop, so no other crop can be cut.
        """
        if self.use == "train" and self.augmented:
            return NONE
        if self.use == "train" and self.settings.crop == "random":
            return min(self.detector.boundary, FRONTEND)
        return self.detector.boundary

    def wanted(self, dump: str) -> Boundary:
        """The boundary that `--dump` asks for; the deepest for `auto`.

        Raises:
            FadError: the name is not a boundary, or it is too deep for this method or these crops.
        """
        if dump == AUTO:
            return self.deepest
        boundary = named_boundary(dump, max(self.detector.encoder.wanted))
        if boundary > self.deepest:
            raise FadError(
                f"--dump {dump}: {self.name} can be stored at {self.deepest} at most, since "
                f"{self._limit()}; or give --dump auto"
            )
        return boundary

    def _limit(self) -> str:
        """The reason why the set cannot be stored deeper, with the remedy."""
        if self.use == "train" and self.augmented:
            return "augmentation changes its audio in each epoch: leave augment out"
        if self.deepest == self.detector.adaptation.boundary:
            return "this method trains what lies behind"
        if self.deepest == self.detector.encoder.deepest:
            return "this encoder cannot be entered behind: set encoder=xlsr"
        return "random crops can be cut only from the frontend's frames: set train.crop=first"

    def kinds(self, boundary: Boundary) -> list[Stored]:
        """The frames to store for entering the encoder at a boundary; nothing at `none`."""
        if boundary == NONE:
            return []
        encoder, settings = self.detector.encoder, self.settings
        grid = encoder.grid
        cropped = self.use == "train" and boundary > FRONTEND
        crop = grid.num_frames(settings.crop_samples) if cropped else None
        return [
            Stored(number, encoder.dim if number else grid.channels, crop, settings.dump_dtype)
            for number in needed_outputs(boundary, encoder.wanted)
        ]

    def folder(self, kind: Stored) -> Path:
        """The folder of a kind."""
        return dump_dir(self.dump, self.pretrained, kind, self.name)

    def missing(self, boundary: Boundary) -> list[Stored]:
        """The `kinds` that are missing or incomplete."""
        return [
            kind
            for kind in self.kinds(boundary)
            if not is_complete(self.folder(kind), self.describe(kind))
        ]

    def describe(self, kind: Stored) -> dict[str, Any]:
        """The content of a kind's `encoder.json`."""
        return description(self.pretrained, self.sha256, kind, self._fingerprint)

    @cached_property
    def _fingerprint(self) -> str:
        return audio_fingerprint(self.audio)

    def plan(self, dump: str, frames: Sequence[int], max_gb: float) -> Boundary:
        """The boundary to store in stage 2.

        Args:
            dump: the value of `--dump`. `auto` steps back to the frontend and then to nothing until
                it fits. Storing fewer blocks is no option: the back-end needs all of its blocks,
                each twice as large as the frontend.
            frames: (N,) frames of each utterance of the set.
            max_gb: the most to write, in 10**9 bytes.

        Raises:
            FadError: the boundary asked for needs more, or its folder has another file's frames.
        """
        wanted = self.wanted(dump)
        for boundary in sorted({wanted, min(wanted, FRONTEND), NONE}, reverse=True):
            missing = self.missing(boundary)
            # Existing frames count too: otherwise each call would go deeper than the last one.
            size = sum(kind.gigabytes(frames) for kind in self.kinds(boundary))
            if size <= max_gb or not missing:
                for kind in missing:
                    check_owner(self.folder(kind), self.describe(kind))
                return boundary
            too_much = (
                f"{self.name} at {boundary} would take {size:.1f} GB, over --max_dump_gb {max_gb:g}"
            )
            if dump != AUTO:
                raise FadError(f"{too_much}; raise it, or give --dump auto or none")
            logger.info("%s: less is stored", too_much)
        raise AssertionError("storing nothing always fits")

    def open(self, dump: str) -> Source:
        """The set as training reads it: stored frames, or else audio.

        Args:
            dump: the value of `--dump`; `auto` takes the deepest complete dump, if there is one.

        Raises:
            FadError: the dump asked for is not complete.
        """
        wanted = self.wanted(dump)
        shallowest = NONE if dump == AUTO else wanted
        for depth in range(wanted.depth, shallowest.depth - 1, -1):
            boundary = Boundary(depth)
            missing = self.missing(boundary)
            if boundary == NONE:
                return self.audio_source()
            if not missing:
                kinds = [(kind, self.folder(kind)) for kind in self.kinds(boundary)]
                return FrameSource(kinds, self.audio, self.detector.encoder.grid)
        raise FadError(
            f"{self.folder(missing[0])}: missing or not complete: run stage 2 with the same "
            "--config, --pretrained and --dump, or train from what there is with --dump auto"
        )


def gigabytes(kinds: Sequence[Stored], source: Source) -> float:
    """The size in 10**9 bytes of these kinds of frames of all utterances."""
    return sum(kind.gigabytes(source.frames) for kind in kinds)


def open_dumps(config: dict[str, Any], pretrained: Path, dump: Path, name: str, use: str) -> Dumps:
    """The dumps of a set for a method that is not trained yet; its detector is on the CPU.

    Raises:
        FadError: the config or the pre-trained file cannot be used.
    """
    settings = TrainSettings.from_config(config["train"])
    detector = assemble(config, new_adaptation(config), read_checkpoint(pretrained)).eval()
    sha256, augmented = pretrained_sha256(pretrained), bool(config["augment"])
    return Dumps(detector, settings, dump, pretrained, sha256, name, use, augmented)
