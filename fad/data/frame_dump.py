"""Stage 2's frames: the frontend of every utterance, computed once and stored as kaldiio arks.

A dump is made by `nj` jobs and a step that joins them, as that of audio. `encoder.json`, written
last, says which pre-trained file the frames are of.
"""

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
import torch
from torch import Tensor, nn

from fad.data import tables
from fad.data.fingerprint import fingerprint
from fad.data.jobs import combine_parts, part_path, share
from fad.data.sources import AudioSource
from fad.data.windows import MAX_FRAMES, windows
from fad.errors import FadError
from fad.files import atomic_path, write_json
from fad.progress import progress

BOUNDARY = "frontend"
FEATS, ENCODER = "feats.scp", "encoder.json"
_TIMED = 3

logger = logging.getLogger(__name__)


def dump_dir(dump: Path, pretrained: Path, name: str) -> Path:
    """`dump/frontend-<pretrained>/<set>`."""
    return dump / f"{BOUNDARY}-{_base_name(pretrained)}" / name


def _base_name(pretrained: Path) -> str:
    """A file's name without its ending, or `<folder>-hf` of a Hugging Face model in a folder.

    The same for such a folder and for the weights file in it, which is called alike in every one.
    """
    path = Path(os.path.abspath(pretrained))  # `.` has a name too; links keep theirs
    if path.is_dir():
        return f"{path.name}-hf"
    beside_config = path.suffix in (".safetensors", ".bin", ".json")
    return f"{path.parent.name}-hf" if beside_config else path.stem


def description(pretrained: Path, sha256: str, audio: Path) -> dict[str, Any]:
    """What `encoder.json` says of the frames of a `dump/audio/<set>`."""
    return {
        "pretrained": _base_name(pretrained),
        "sha256": sha256,
        "boundary": BOUNDARY,
        "dtype": "float32",
        "audio": fingerprint(audio),
    }


def is_complete(out: Path, wanted: dict[str, Any]) -> bool:
    """Whether `out` has the frames that `description` says; not so where the audio has changed.

    Raises:
        FadError: the frames are of another pre-trained file of the same name.
    """
    if not (out / ENCODER).is_file() or not (out / FEATS).is_file():
        return False
    try:
        found = json.loads((out / ENCODER).read_text(encoding="utf-8"))
    except ValueError:  # not JSON, not UTF-8: of no finished dump
        return False
    if not isinstance(found, dict):
        return False
    if found.get("sha256") != wanted["sha256"]:
        raise FadError(
            f"{out}: has the frames of another pre-trained file (sha256 "
            f"{str(found.get('sha256'))[:12]!r}, not {wanted['sha256'][:12]}); remove it, or "
            "rename one of the files"
        )
    return found == wanted and _has_arks(out)


def _has_arks(out: Path) -> bool:
    entries = tables.read_table(out / FEATS).values()
    return all(Path(ark).is_file() for ark in {entry.rpartition(":")[0] for entry in entries})


def estimate(encoder: nn.Module, source: AudioSource, nj: int) -> tuple[float, float]:
    """Gigabytes that the frames will take, and seconds, by the time of a few windows."""
    size = sum(source.frames) * encoder.config.grid.channels * 4 / 1e9
    # The shortest, and a window of each, since a recording of hours would be done twice.
    few = sorted(range(len(source.utts)), key=source.frames.__getitem__)[:_TIMED]
    wavs = [source.load(index) for index in few]
    next(_window_frames(encoder, source, wavs[0]))  # the first call is slower than the others
    started = time.perf_counter()
    timed = sum(len(next(_window_frames(encoder, source, wav))) for wav in wavs)
    per_frame = (time.perf_counter() - started) / timed
    return size, per_frame * sum(source.frames) / nj


def announce(encoder: nn.Module, source: AudioSource, out: Path, nj: int, max_gb: float) -> None:
    """Logs what the dump will take.

    Raises:
        FadError: more than `max_gb`.
    """
    size, seconds = estimate(encoder, source, nj)
    logger.info("%s: %.2f GB in about %.1f minutes", out, size, seconds / 60)
    if size > max_gb:
        raise FadError(
            f"{out} would take {size:.1f} GB, over --max_dump_gb {max_gb:g}; raise it, or train "
            "from audio with --dump_frames false"
        )


def dump_job(encoder: nn.Module, source: AudioSource, out: Path, job: int, nj: int) -> None:
    """Writes one job's share: `feats.<job>.ark` and its part of the table.

    Args:
        encoder: under the encoder contract.
        source: all utterances of the set.
        out: the dump of the set.
        job: which share, 1 to nj.
        nj: number of shares.
    """
    (out / ENCODER).unlink(missing_ok=True)  # from here on the dump is not finished
    ark = out / f"feats.{job}of{nj}.ark"
    entries = {}
    with atomic_path(ark) as part, open(part, "wb") as file:
        indices = share(range(len(source.utts)), job, nj)
        for index in progress(indices, desc=f"{out} {job}/{nj}", unit="utt"):
            utt = source.utts[index]
            # A Kaldi offset points behind the utterance's name and a space.
            entries[utt] = f"{ark}:{file.tell() + len(utt.encode()) + 1}"
            kaldiio.save_ark(file, {utt: _frames(encoder, source, index)})
    tables.write_table(part_path(out / FEATS, job, nj), entries)


def combine(source: AudioSource, out: Path, nj: int, about: dict[str, Any]) -> None:
    """Joins the jobs' tables into `feats.scp`, then writes `encoder.json`.

    Raises:
        FadError: a job has not run, or the jobs ran on other audio.
    """
    entries = combine_parts(out / FEATS, nj)
    tables.check_same_keys({f"the jobs of {out}": entries, "the audio": dict.fromkeys(source.utts)})
    write_json(out / ENCODER, about)
    kept = {Path(entry.rpartition(":")[0]).name for entry in entries.values()}
    for stale in set(out.glob("feats.*.ark")) - {out / name for name in kept}:
        stale.unlink()


def _frames(encoder: nn.Module, source: AudioSource, index: int) -> np.ndarray:
    """One utterance's frames (T, C) float32; alone, so that no neighbour touches them."""
    wav, grid = source.load(index), encoder.config.grid
    frames = np.empty((grid.num_frames(len(wav)), grid.channels), dtype=np.float32)
    start = 0
    for found in _window_frames(encoder, source, wav):
        frames[start : start + len(found)] = found
        start += len(found)
    return frames


def _window_frames(encoder: nn.Module, source: AudioSource, wav: Tensor) -> Iterator[Tensor]:
    """Frames (n, C) of a prepared waveform, window by window: those that scoring takes.

    A frame depends on its own samples alone, but the order in which a convolution sums may depend
    on the length: in the same windows stored frames equal those of audio to the last bit.
    """
    total = encoder.config.grid.num_frames(len(wav))
    for start, size in windows(total, MAX_FRAMES):
        part = wav if size == total else source.crop(wav, start, size)
        with torch.no_grad():
            found, _ = encoder.frontend(part[None], torch.tensor([len(part)]))
        yield found[0]
