"""Stage 2's frames: what is frozen of the encoder, computed once and stored as kaldiio arks.

A dump is made by `nj` jobs and a step that joins them, as that of audio. `encoder.json`, written
last, says which pre-trained file the frames are of.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
import torch
from torch import Tensor, nn

from fad.boundary import NONE
from fad.data import tables
from fad.data.jobs import combine_parts, part_path, share
from fad.data.sources import AudioSource
from fad.data.stored import ENCODER, FEATS, Stored
from fad.data.windows import MAX_FRAMES, windows
from fad.errors import FadError
from fad.files import atomic_path, write_json
from fad.progress import progress

_TIMED = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """A kind of frames to be made, and the directory that they go to."""

    kind: Stored
    out: Path


def estimate(
    encoder: nn.Module, source: AudioSource, kinds: Sequence[Stored], nj: int
) -> tuple[float, float]:
    """Gigabytes that the frames will take, and seconds, by the time of a few windows."""
    size = sum(kind.gigabytes(source.frames) for kind in kinds)
    # The shortest, and a window of each, since a recording of hours would be done twice.
    few = sorted(range(len(source.utts)), key=source.frames.__getitem__)[:_TIMED]
    wavs = [source.load(index) for index in few]
    next(_windows(encoder, source, wavs[0], kinds))  # the first call is slower than the others
    started = time.perf_counter()
    timed = sum(len(next(_windows(encoder, source, wav, kinds))[0]) for wav in wavs)
    per_frame = (time.perf_counter() - started) / timed
    return size, per_frame * sum(map(kinds[0].frames, source.frames)) / nj


def announce(encoder: nn.Module, source: AudioSource, targets: Sequence[Target], nj: int) -> None:
    """Logs what the dump will take."""
    size, seconds = estimate(encoder, source, [target.kind for target in targets], nj)
    outs = ", ".join(str(target.out) for target in targets)
    logger.info("%s: %.2f GB in about %.1f minutes", outs, size, seconds / 60)


def dump_job(
    encoder: nn.Module, source: AudioSource, targets: Sequence[Target], job: int, nj: int
) -> None:
    """Writes one job's share of each target: `feats.<job>.ark` and its part of the table.

    Args:
        encoder: under the encoder contract.
        source: all utterances of the set.
        targets: the frontend alone, or some blocks in order.
        job: which share, 1 to nj.
        nj: number of shares.

    Raises:
        FadError: an utterance's frames do not fit into float16.
    """
    for target in targets:
        (target.out / ENCODER).unlink(missing_ok=True)  # from here on the dump is not finished
    arks = [target.out / f"feats.{job}of{nj}.ark" for target in targets]
    entries: list[tables.Table] = [{} for _ in targets]
    indices = share(range(len(source.utts)), job, nj)
    with ExitStack() as stack:
        files = [stack.enter_context(_open_beside(stack, ark)) for ark in arks]
        for index in progress(indices, desc=f"{targets[0].out} {job}/{nj}", unit="utt"):
            utt = source.utts[index]
            matrices = _frames(encoder, source, index, [target.kind for target in targets])
            for file, ark, table, matrix in zip(files, arks, entries, matrices, strict=True):
                # A Kaldi offset points behind the utterance's name and a space.
                table[utt] = f"{ark}:{file.tell() + len(utt.encode()) + 1}"
                # Kaldi has no 16-bit floats: kaldiio puts NumPy's format in their place.
                how = None if matrix.dtype == np.float32 else "numpy"
                kaldiio.save_ark(file, {utt: matrix}, write_function=how)
    for target, table in zip(targets, entries, strict=True):
        tables.write_table(part_path(target.out / FEATS, job, nj), table)


def _open_beside(stack: ExitStack, ark: Path):
    return open(stack.enter_context(atomic_path(ark)), "wb")


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


def _frames(
    encoder: nn.Module, source: AudioSource, index: int, kinds: Sequence[Stored]
) -> list[np.ndarray]:
    """One utterance's frames (T, width) of each kind; alone, so that no neighbour touches them."""
    wav, total = source.load(index), kinds[0].frames(source.frames[index])
    matrices = [np.empty((total, kind.width), dtype=kind.dtype) for kind in kinds]
    start = 0
    for parts in _windows(encoder, source, wav, kinds):
        for matrix, part in zip(matrices, parts, strict=True):
            matrix[start : start + len(part)] = part.cpu().numpy()
        start += len(parts[0])
    for kind, matrix in zip(kinds, matrices, strict=True):
        if kind.dtype == "float16" and not np.isfinite(matrix).all():
            raise FadError(
                f"{source.utts[index]}: {kind.name} does not fit into float16: store it as "
                "float32 (--set train.dump_dtype=float32)"
            )
    return matrices


def _windows(
    encoder: nn.Module, source: AudioSource, wav: Tensor, kinds: Sequence[Stored]
) -> Iterator[list[Tensor]]:
    """Frames (n, width) of each kind, window by window: the windows that scoring takes.

    A block's frame has seen all of its window. One of the frontend depends on its own samples
    alone, but the order in which a product sums may depend on the length. A crop, which training
    takes whole, is one window.
    """
    total = kinds[0].frames(encoder.config.grid.num_frames(len(wav)))
    device = next(encoder.parameters()).device
    most = MAX_FRAMES if kinds[0].crop is None else total
    for start, size in windows(total, most):
        part = source.crop(wav, start, size).to(device)
        yield _encode(encoder, part, kinds)


@torch.no_grad()
def _encode(encoder: nn.Module, wav: Tensor, kinds: Sequence[Stored]) -> list[Tensor]:
    """Frames (n, width) of each kind, of one waveform (S,)."""
    lens = torch.tensor([len(wav)], device=wav.device)
    numbers = tuple(kind.number for kind in kinds)
    if numbers == (0,):
        return [encoder.frontend(wav[None], lens)[0][0]]
    return [output[0] for output in encoder.outputs(wav[None], lens, NONE, numbers)[0]]
