"""Stage 2's audio: decodes every clip once, and lists or writes it as 16 kHz mono 16-bit.

Jobs decode the shards of a set. A last step joins their parts to a data directory. For each
utterance a part has the number of samples, and whether the clip is used as it is or was written to
`<out>/flac/<shard>/<utt>.flac`; for a bad clip it has the error. A part does not contain the path
of the dump, so the folder may move.
"""

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile as sf

from fad.data import tables
from fad.data.audio import SAMPLE_RATE, probe, read_audio
from fad.dump.jobs import left_to_do
from fad.dump.shards import Parts, cut, shard_name
from fad.utils.errors import FadError
from fad.utils.files import atomic_path, write_text
from fad.utils.progress import progress

# Durations are not known before decoding, so all shards have the same number of clips. It is small
# enough for any file system to list the folder fast.
CLIPS = 500

_AS_IS, _FLAC, _BAD = "as-is", "flac", "bad"

logger = logging.getLogger(__name__)


def dump_job(data: Path, out: Path, job: int, nj: int) -> None:
    """Decodes one job's shards of a data directory, except those that are done.

    The shard's part notes a clip that cannot be read; the other clips are still decoded. A shard
    with such a clip is not done: the next run tries it again.

    Args:
        data: A data directory with audio of any kind.
        out: The dump; converted clips go to `<out>/flac`.
        job: The number of the job, 1 to nj.
        nj: Number of jobs.
    """
    wav_scp = tables.validate_data_dir(data)["wav.scp"]
    (out / "wav.scp").unlink(missing_ok=True)  # the dump is not finished from now on
    parts = _parts(wav_scp, out)
    left = left_to_do(len(parts.shards), job, nj, lambda number: _is_done(parts, number))
    total, bad = sum(len(parts.shard(number)) for number in left), 0
    with progress(total=total, desc=f"{out} {job}/{nj}", unit="clip") as bar:
        for number in left:
            parts.begin(number)
            part = {}
            for utt in (parts.utts[index] for index in parts.shard(number)):
                part[utt] = _dump_clip(Path(wav_scp[utt]), _flac_path(out, number, utt))
                bar.update()
            parts.write(number, part)
            bad += sum(map(_is_bad, part.values()))
    logger.info("%s: job %d of %d: %d clips, %d bad", out, job, nj, total, bad)


def combine(data: Path, out: Path, nj: int, skip_bad: bool) -> None:
    """Joins the parts of all shards into a data directory with `utt2num_samples`.

    Args:
        data: The data directory that the jobs read.
        out: The dump.
        nj: Number of jobs.
        skip_bad: Whether to leave bad clips out; otherwise they are an error. They are listed in
            both cases.

    Raises:
        FadError: A job has not run, the jobs ran on other data, or clips are bad.
    """
    source = tables.validate_data_dir(data)
    parts = _parts(source["wav.scp"], out)
    parts.check_done(nj)
    paths, lengths, errors = _read_parts(parts, source["wav.scp"], out)
    (out / "wav.scp").unlink(missing_ok=True)
    _report(out, errors, len(source["wav.scp"]), skip_bad)
    _check_classes(out, source["utt2label"], paths)
    kept = {
        name: {utt: table[utt] for utt in paths}
        for name, table in source.items()
        if name != "spk2utt"
    }
    _carry_asv_scores(data, out)
    parts.remove_stale()  # before the clips that they list
    tables.write_data_dir(out, kept | {"wav.scp": paths, "utt2num_samples": lengths})
    _remove_stale_clips(out, paths)
    parts.remove()
    seconds = sum(map(int, lengths.values())) / SAMPLE_RATE
    logger.info("%s: %d clips, %.2f hours", out, len(paths), seconds / 3600)


def _parts(wav_scp: tables.Table, out: Path) -> Parts:
    """The parts of a dump; they depend on the clips' paths, sizes and modification times."""
    utts = list(wav_scp)

    def made_from(shard: range) -> Iterator[str]:
        for utt in (utts[index] for index in shard):
            yield f"{utt} {_state(Path(wav_scp[utt]).absolute())}"

    return Parts(out / "wav.scp", utts, cut([1] * len(utts), CLIPS), made_from)


def _state(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return f"{path} is not there"
    return f"{path} {found.st_size} {found.st_mtime_ns}"


def _is_done(parts: Parts, number: int) -> bool:
    return parts.is_done(number) and not any(map(_is_bad, parts.read(number).values()))


def _is_bad(value: str) -> bool:
    return value.startswith(f"{_BAD} ")


def _dump_clip(source: Path, flac: Path) -> str:
    """Decodes a clip; returns its value in the part: `as-is <samples>`, `flac ...` or `bad ...`."""
    try:
        wav = read_audio(source)
    except FadError as error:
        return f"{_BAD} {error}"
    if _serves_as_it_is(source):
        return f"{_AS_IS} {len(wav)}"
    _write_flac(flac, wav)
    return f"{_FLAC} {len(wav)}"


def _read_parts(
    parts: Parts, wav_scp: tables.Table, out: Path
) -> tuple[tables.Table, tables.Table, tables.Table]:
    """Paths, numbers of samples, and the errors of bad clips."""
    paths: tables.Table = {}
    lengths: tables.Table = {}
    errors: tables.Table = {}
    for number in parts.numbers:
        for utt, value in parts.read(number).items():
            how, rest = value.split(maxsplit=1)
            if how == _BAD:
                errors[utt] = rest
                continue
            path = Path(wav_scp[utt]) if how == _AS_IS else _flac_path(out, number, utt)
            paths[utt], lengths[utt] = str(path.absolute()), rest
    return paths, lengths, errors


def _flac_path(out: Path, number: int, utt: str) -> Path:
    return out / "flac" / shard_name(number) / f"{utt}.flac"


def _remove_stale_clips(out: Path, paths: tables.Table) -> None:
    """Removes clips that belong to no utterance any more or that a killed run left cut."""
    for folder, _, names in os.walk(out.absolute() / "flac", topdown=False):
        for name in names:
            clip = Path(folder, name)
            if paths.get(name.removesuffix(".flac")) != str(clip):
                clip.unlink()
        if not os.listdir(folder):
            os.rmdir(folder)


def _serves_as_it_is(path: Path) -> bool:
    """Whether a file needs no conversion."""
    info = probe(path)
    wanted = (SAMPLE_RATE, 1, "PCM_16")
    if info is None or (info.rate, info.channels, info.subtype) != wanted:
        return False
    return info.format in ("WAV", "WAVEX", "FLAC")


def _write_flac(path: Path, wav: np.ndarray) -> None:
    """Writes wav (S,) float32 as 16-bit FLAC; scales it down, with a warning, if it would clip."""
    peak = float(np.abs(wav).max())
    if peak > 1.0:
        logger.warning("%s: peak %.3f is over full scale: scaled down to 1", path.stem, peak)
        wav = wav / peak
    # Readers divide by 32768, so this gives 16-bit samples back unchanged.
    samples = np.rint(wav * 32768.0).clip(-32768, 32767).astype(np.int16)
    encoded = io.BytesIO()  # Python then reports a full disk; the encoder would not
    sf.write(encoded, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    with atomic_path(path) as part:
        part.write_bytes(encoded.getvalue())


def _report(out: Path, errors: tables.Table, total: int, skip_bad: bool) -> None:
    listing = out / "errors"
    listing.unlink(missing_ok=True)
    if not errors:
        return
    tables.write_table(listing, errors)
    for utt, message in errors.items():
        logger.error("bad clip %s: %s", utt, message)
    found = f"{len(errors)} of {total} clips are bad, listed above and in {listing}"
    if not skip_bad:
        raise FadError(f"{found}: mend them, or leave them out with --on_error skip")
    logger.warning("%s: left out", found)


def _check_classes(out: Path, labels: tables.Table, kept: tables.Table) -> None:
    for label in set(labels.values()) - {labels[utt] for utt in kept}:
        raise FadError(
            f"{out}: without the bad clips no {label} one is left, see {out / 'errors'}: mend them"
        )


def _carry_asv_scores(data: Path, out: Path) -> None:
    source, target = data / tables.ASV_SCORES, out / tables.ASV_SCORES
    if source.is_file():
        write_text(target, "".join(f"{line}\n" for line in tables.read_lines(source)))
    else:
        target.unlink(missing_ok=True)
