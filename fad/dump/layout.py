"""Which outputs of an encoder's frozen part stage 2 stores, and where."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fad.data import tables
from fad.encoders.boundary import Boundary
from fad.utils.errors import FadError
from fad.utils.json_files import parse_json

FEATS, ENCODER = "feats.scp", "encoder.json"
BYTES = {"float32": 4, "float16": 2}


@dataclass(frozen=True)
class Stored:
    """One kind of stored frames: those of the frontend, or the output of one block.

    A back-end that uses several blocks has several kinds, so that another experiment can share some
    of them.

    Attributes:
        number: 0 for the frontend, k for block k.
        width: channels of a frame.
        crop: how many first frames of each utterance are encoded and stored; None for all.
        dtype: float32 or float16.
    """

    number: int
    width: int
    crop: int | None
    dtype: str

    @property
    def name(self) -> str:
        """The name: `frontend`, `block12`, `block12-first201`, `block12-first201-float16`."""
        what = f"block{self.number}" if self.number else "frontend"
        crop = "" if self.crop is None else f"-first{self.crop}"
        return what + crop + ("" if self.dtype == "float32" else f"-{self.dtype}")

    def frames(self, total: int) -> int:
        """The number of stored frames of an utterance that has `total`."""
        return total if self.crop is None else min(total, self.crop)

    def gigabytes(self, totals: Iterable[int]) -> float:
        """The size in 10**9 bytes of utterances with these numbers of frames (N,)."""
        frames = sum(self.frames(total) for total in totals)
        return frames * self.width * BYTES[self.dtype] / 1e9


def dump_dir(dump: Path, pretrained: Path, kind: Stored, name: str) -> Path:
    """The folder of stored frames: `dump/<kind>-<pretrained>/<set>`."""
    return dump / f"{kind.name}-{_base_name(pretrained)}" / name


def _base_name(pretrained: Path) -> str:
    """A file's name without its suffix, or `<folder>-hf` for a Hugging Face model.

    The folder of such a model and its weights file have the same name here: the file's own name is
    the same in every model.
    """
    path = Path(os.path.abspath(pretrained))  # `.` has a name too; links keep theirs
    if path.is_dir():
        return f"{path.name}-hf"
    beside_config = path.suffix in (".safetensors", ".bin", ".json")
    return f"{path.parent.name}-hf" if beside_config else path.stem


def description(pretrained: Path, sha256: str, kind: Stored, audio: str) -> dict[str, Any]:
    """The content of `encoder.json`; `audio` is the fingerprint of the set's audio."""
    return {
        "pretrained": _base_name(pretrained),
        "sha256": sha256,
        "boundary": str(Boundary(kind.number)),
        "crop_frames": kind.crop,
        "dtype": kind.dtype,
        "audio": audio,
    }


def is_complete(out: Path, wanted: dict[str, Any]) -> bool:
    """Whether `out` has all frames of a `description`; false if the audio has changed."""
    return _read_description(out) == wanted and (out / FEATS).is_file() and _has_arks(out)


def check_owner(out: Path, wanted: dict[str, Any]) -> None:
    """Checks that `out` has no frames of another pre-trained file, so that it may be written.

    Raises:
        FadError: it has such frames.
    """
    found = _read_description(out)
    if found and found.get("sha256") != wanted["sha256"]:
        raise FadError(
            f"{out}: has the frames of another pre-trained file (sha256 "
            f"{str(found.get('sha256'))[:12]!r}, not {wanted['sha256'][:12]}); remove it, or "
            "rename one of the files"
        )


def _read_description(out: Path) -> dict[str, Any]:
    """Reads `encoder.json`; empty if it is missing or damaged."""
    try:
        found = parse_json((out / ENCODER).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, not JSON, not UTF-8
        return {}
    return found if isinstance(found, dict) else {}


def _has_arks(out: Path) -> bool:
    entries = (entry for _, (entry,) in tables.read_together({out / FEATS: tables.check_no_pipe}))
    return all(Path(ark).is_file() for ark in {entry.rpartition(":")[0] for entry in entries})
