"""Stage 2's audio: every clip decoded once, and named or written as 16 kHz mono 16-bit.

Jobs decode the shards of a set, and a step that joins their parts makes a data directory of them.
A part says of each utterance its samples, and whether the clip serves as it is or was written to
`<out>/flac/<shard>/<utt>.flac`; or what is wrong with it. No part holds the dump's own path, so
that the folder may move.
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

# Durations are not known before decoding: shards have one number of clips. It is small enough for
# a folder that every file system lists at once.
CLIPS = 500

_AS_IS, _FLAC, _BAD = "as-is", "flac", "bad"

logger = logging.getLogger(__name__)


def dump_job(data: Path, out: Path, job: int, nj: int) -> None:
    """Decodes one job's shards of a data directory, but for those that are done.

    A clip that cannot be read is noted in the shard's part, and the rest is still done. A shard
    with such a clip is not done: another run tries it again.

    Args:
        data: A data directory with audio of any kind.
        out: The dump; clips that must be converted go to `<out>/flac`.
        job: Which job, 1 to nj.
        nj: Number of jobs.
    """
    wav_scp = tables.validate_data_dir(data)["wav.scp"]
    (out / "wav.scp").unlink(missing_ok=True)  # from here on the dump is not finished
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
        nj: Number of jobs there were.
        skip_bad: Leave bad clips out; otherwise they are an error. They are listed either way.

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
    parts.remove_stale()  # before the clips that they name
    tables.write_data_dir(out, kept | {"wav.scp": paths, "utt2num_samples": lengths})
    _remove_stale_clips(out, paths)
    parts.remove()
    seconds = sum(map(int, lengths.values())) / SAMPLE_RATE
    logger.info("%s: %d clips, %.2f hours", out, len(paths), seconds / 3600)


def _parts(wav_scp: tables.Table, out: Path) -> Parts:
    """The parts of a dump; they depend on the clips' paths, sizes and times of change."""
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
    """Decodes a clip; gives what its part says of it: `as-is` or `flac` and samples, or `bad`."""
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
    """Paths, numbers of samples, and what is wrong with bad clips."""
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
    """Removes clips that no utterance has now or that a kill left cut."""
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
    """Writes wav (S,) as 16-bit FLAC; scales down, and says so, what would clip."""
    peak = float(np.abs(wav).max())
    if peak > 1.0:
        logger.warning("%s: peak %.3f is over full scale: scaled down to 1", path.stem, peak)
        wav = wav / peak
    # 32768 is what readers divide by, so that 16-bit samples come back as they were.
    samples = np.rint(wav * 32768.0).clip(-32768, 32767).astype(np.int16)
    encoded = io.BytesIO()  # a full disk is then Python's error and not a silent one of the encoder
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
