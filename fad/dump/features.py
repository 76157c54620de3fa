"""Stage 2's frames: the outputs of the encoder's frozen part, computed once, in kaldiio arks.

Jobs compute the shards, each with its own ark. A last step joins their parts. A part has the place
of each utterance in the ark. `encoder.json` is written last and names the pre-trained file.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import kaldiio
import numpy as np
import torch
from torch import Tensor

from fad.data import tables
from fad.data.sources import AudioSource
from fad.data.windows import MAX_FRAMES, windows
from fad.dump.jobs import left_to_do
from fad.dump.layout import ENCODER, FEATS, Stored
from fad.dump.shards import Parts, cut, shard_name
from fad.encoders.base import Encoder
from fad.encoders.boundary import NONE
from fad.utils.errors import FadError
from fad.utils.files import atomic_path, write_json
from fad.utils.progress import progress

FRAMES = 30_000  # of a shard, roughly: ten minutes at 20 ms a frame

_TIMED = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """A kind of frames to compute.

    Attributes:
        kind: which frames.
        out: the directory to write.
        about: the content of its `encoder.json`.
    """

    kind: Stored
    out: Path
    about: dict[str, Any]


Dump = tuple[Target, Parts]


def estimate(
    encoder: Encoder, source: AudioSource, kinds: Sequence[Stored], nj: int
) -> tuple[float, float]:
    """The expected size in 10**9 bytes and the time in seconds, from a few timed windows."""
    size = sum(kind.gigabytes(source.frames) for kind in kinds)
    # One window of each of the shortest: a recording of hours would otherwise be computed twice.
    few = sorted(range(len(source.utts)), key=source.frames.__getitem__)[:_TIMED]
    wavs = [source.load(index) for index in few]

    def encoded(wav: Tensor) -> int:
        # Copied, since a GPU only queues the work until somebody wants its result.
        parts = [part.cpu() for part in next(_windows(encoder, source, wav, kinds))]
        return len(parts[0])

    encoded(wavs[0])  # the first call is slower than later ones
    started = time.perf_counter()
    timed = sum(map(encoded, wavs))
    per_frame = (time.perf_counter() - started) / timed
    return size, per_frame * sum(map(kinds[0].frames, source.frames)) / nj


def announce(encoder: Encoder, source: AudioSource, targets: Sequence[Target], nj: int) -> None:
    """Logs the expected size and time of the dump."""
    size, seconds = estimate(encoder, source, [target.kind for target in targets], nj)
    outs = ", ".join(str(target.out) for target in targets)
    logger.info("%s: %.2f GB in about %.1f minutes", outs, size, seconds / 60)


def dump_job(
    encoder: Encoder, source: AudioSource, targets: Sequence[Target], job: int, nj: int
) -> None:
    """Writes an ark and a part of the table for each unfinished shard of one job.

    Args:
        encoder: computes the frames.
        source: all utterances of the set.
        targets: only the frontend, or some blocks in order.
        job: the number of the job, 1 to nj.
        nj: number of jobs.

    Raises:
        FadError: an utterance's frames do not fit into float16.
    """
    for target in targets:
        (target.out / ENCODER).unlink(missing_ok=True)  # the dump is not finished from now on
    dumps = _dumps(source, targets)
    shards = dumps[0][1].shards
    left = left_to_do(len(shards), job, nj, lambda number: not _lacking(dumps, number))
    if job == 1 and left:
        announce(encoder, source, targets, nj)
    total = sum(len(shards[number - 1]) for number in left)
    with progress(total=total, desc=f"{targets[0].out} {job}/{nj}", unit="utt") as bar:
        for number in left:
            _dump_shard(encoder, source, _lacking(dumps, number), number, bar.update)


def _dumps(source: AudioSource, targets: Sequence[Target]) -> list[Dump]:
    """Each target with its parts; its description includes the fingerprint of the set's audio."""
    frames = [targets[0].kind.frames(total) for total in source.frames]
    shards = cut(frames, FRAMES)

    def parts(target: Target) -> Parts:
        about = json.dumps(target.about, sort_keys=True)
        return Parts(
            target.out / FEATS,
            source.utts,
            shards,
            lambda shard: [about, *(f"{source.utts[index]} {frames[index]}" for index in shard)],
        )

    return [(target, parts(target)) for target in targets]


def _lacking(dumps: Sequence[Dump], number: int) -> list[Dump]:
    """Targets whose shard is unfinished; an ark without a part may come from other inputs."""
    return [
        (target, parts)
        for target, parts in dumps
        if not (parts.is_done(number) and _ark(target.out, number).is_file())
    ]


def _ark(out: Path, number: int) -> Path:
    return out / f"feats.{shard_name(number)}.ark"


def _dump_shard(
    encoder: Encoder,
    source: AudioSource,
    dumps: Sequence[Dump],
    number: int,
    tick: Callable[[], object],
) -> None:
    """Writes one shard's arks, then their parts; calls `tick` after each utterance."""
    kinds = [target.kind for target, _ in dumps]
    offsets: list[tables.Table] = [{} for _ in dumps]
    with ExitStack() as stack:
        files = []
        for target, parts in dumps:
            parts.begin(number)
            files.append(stack.enter_context(_open_beside(stack, _ark(target.out, number))))
        for index in dumps[0][1].shard(number):
            utt = source.utts[index]
            matrices = _frames(encoder, source, index, kinds)
            for file, table, matrix in zip(files, offsets, matrices, strict=True):
                # A Kaldi offset points after the utterance's name and a space.
                table[utt] = str(file.tell() + len(utt.encode()) + 1)
                # Kaldi has no 16-bit floats: kaldiio writes them in NumPy's format.
                how = None if matrix.dtype == np.float32 else "numpy"
                kaldiio.save_ark(file, {utt: matrix}, write_function=how)
            tick()
    for (_, parts), table in zip(dumps, offsets, strict=True):
        parts.write(number, table)


def _open_beside(stack: ExitStack, ark: Path) -> BinaryIO:
    return open(stack.enter_context(atomic_path(ark)), "wb")


def combine(source: AudioSource, target: Target, nj: int) -> None:
    """Joins the parts of all shards, then writes `encoder.json`.

    Raises:
        FadError: a job has not run, or the jobs ran on other audio or with another encoder.
    """
    ((_, parts),) = _dumps(source, [target])
    parts.check_done(nj)
    parts.remove_stale()  # before the arks that they list
    arks = {_ark(target.out, number) for number in parts.numbers}
    for stale in set(target.out.glob("feats.*.ark")) - arks:
        stale.unlink()
    parts.join(lambda number, offset: f"{_ark(target.out, number)}:{offset}")
    # Once encoder.json is there nobody looks for parts, so they are removed before.
    parts.remove()
    write_json(target.out / ENCODER, target.about)


def _frames(
    encoder: Encoder, source: AudioSource, index: int, kinds: Sequence[Stored]
) -> list[np.ndarray]:
    """One utterance's frames (T, width) of each kind, computed without other utterances."""
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
    encoder: Encoder, source: AudioSource, wav: Tensor, kinds: Sequence[Stored]
) -> Iterator[list[Tensor]]:
    """Frames (n, width) of each kind, window by window, in the windows of scoring.

    A block's frame depends on its whole window. A frontend's frame depends only on its own samples,
    but the order of summation in a product may depend on the length. A crop is one window, since
    training uses it whole.
    """
    total = kinds[0].frames(encoder.grid.num_frames(len(wav)))
    device = next(encoder.parameters()).device
    most = MAX_FRAMES if kinds[0].crop is None else total
    for start, size in windows(total, most):
        part = source.crop(wav, start, size).to(device)
        yield _encode(encoder, part, kinds)


@torch.no_grad()
def _encode(encoder: Encoder, wav: Tensor, kinds: Sequence[Stored]) -> list[Tensor]:
    """Frames (n, width) of each kind, from one waveform (S,)."""
    lens = torch.tensor([len(wav)], device=wav.device)
    numbers = tuple(kind.number for kind in kinds)
    if numbers == (0,):
        return [encoder.frontend(wav[None], lens)[0][0]]
    return [output[0] for output in encoder.outputs(wav[None], lens, NONE, numbers)[0]]
