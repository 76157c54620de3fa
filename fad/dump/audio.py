"""Stage 2's audio: decodes every clip once, and lists or writes it as 16 kHz mono 16-bit.

Jobs decode the shards of a set. A last step joins their parts to a data directory. For each
utterance a part has the number of samples, their digest, the state of the file that they were read
from, and whether the clip is used as it is or was written to `<out>/flac/<shard>/<utt>.flac`; for a
bad clip it has the error. A part does not contain the path of the dump, so the folder may move.

A dump that is made again decodes only the shards with a clip whose file has changed.
"""

import io
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import soundfile as sf

from fad.data import tables
from fad.data.audio import SAMPLE_RATE, probe, read_audio
from fad.data.digests import DIGESTS, MISSING, STATES, digest_of, state_of, to_int16
from fad.data.leaks import warn_of_repeated
from fad.dump.earlier import Clip, forget, read_earlier, set_aside
from fad.dump.jobs import left_to_do
from fad.dump.made_from import DECODER, record
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
    parts = _parts(wav_scp, out)
    left = left_to_do(len(parts.shards), job, nj, lambda number: _is_done(parts, number))
    set_aside(out)  # the dump is not finished from now on
    left = _without_unchanged(wav_scp, out, parts, left)
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
    paths, facts, errors = _read_parts(parts, source["wav.scp"], out)
    forget(out)
    _report(out, errors, len(source["wav.scp"]), skip_bad)
    _check_classes(out, source["utt2label"], paths)
    kept = {
        name: {utt: table[utt] for utt in paths}
        for name, table in source.items()
        if name != "spk2utt"
    }
    _carry_asv_scores(data, out)
    parts.remove_stale()  # before the clips that they list
    tables.write_data_dir(out, kept | {"wav.scp": paths} | facts)
    _remove_stale_clips(out, paths)
    record(data, out, {utt: state_of(source["wav.scp"][utt]) for utt in errors})
    parts.remove()
    warn_of_repeated(out)
    seconds = sum(map(int, facts[tables.LENGTHS].values())) / SAMPLE_RATE
    logger.info("%s: %d clips, %.2f hours", out, len(paths), seconds / 3600)


def _parts(wav_scp: tables.Table, out: Path) -> Parts:
    """The parts of a dump; they depend on the clips' paths and the states of these files."""
    utts = list(wav_scp)

    def made_from(shard: range) -> Iterator[str]:
        yield f"decoder {DECODER}"
        for utt in (utts[index] for index in shard):
            path = os.path.abspath(wav_scp[utt])
            yield f"{utt} {path} {state_of(path)}"

    return Parts(out / "wav.scp", utts, cut([1] * len(utts), CLIPS), made_from)


def _without_unchanged(
    wav_scp: tables.Table, out: Path, parts: Parts, left: list[int]
) -> list[int]:
    """Writes the parts of shards whose files are as an earlier dump read them; returns the rest."""
    shards = {number: [parts.utts[index] for index in parts.shard(number)] for number in left}
    earlier = read_earlier(out, {utt for utts in shards.values() for utt in utts})
    changed = []
    for number, utts in shards.items():
        part = {}
        for utt in utts:
            if value := _unchanged(earlier, wav_scp[utt], utt, _flac_path(out, number, utt)):
                part[utt] = value
        if len(part) == len(utts):
            parts.begin(number)
            parts.write(number, part)
        else:
            changed.append(number)
    return changed


def _unchanged(earlier: Mapping[str, Clip], source: str, utt: str, flac: Path) -> str | None:
    """A clip's value in the part if its file is as an earlier dump read it; otherwise None."""
    found = earlier.get(utt)
    if found is None or found.state == MISSING or found.state != state_of(source):
        return None
    facts = f"{found.samples} {found.digest} {found.state}"
    if found.path == os.path.abspath(source):
        return f"{_AS_IS} {facts}"
    return f"{_FLAC} {facts}" if found.path == str(flac.absolute()) and flac.is_file() else None


def _is_done(parts: Parts, number: int) -> bool:
    return parts.is_done(number) and not any(map(_is_bad, parts.read(number).values()))


def _is_bad(value: str) -> bool:
    return value.startswith(f"{_BAD} ")


def _dump_clip(source: Path, flac: Path) -> str:
    """Decodes a clip; returns its value in the part.

    It is `as-is <samples> <digest> <state>`, `flac ...` or `bad <error>`.
    """
    state = state_of(source)  # before reading, so that a change meanwhile is seen later
    try:
        wav = read_audio(source)
    except FadError as error:
        return f"{_BAD} {error}"
    if _serves_as_it_is(source):
        return f"{_AS_IS} {len(wav)} {digest_of(wav)} {state}"
    wav = _within_16_bits(flac, wav)
    _write_flac(flac, wav)
    return f"{_FLAC} {len(wav)} {digest_of(wav)} {state}"


def _read_parts(
    parts: Parts, wav_scp: tables.Table, out: Path
) -> tuple[tables.Table, dict[str, tables.Table], tables.Table]:
    """Paths, tables of the samples, digests and states, and the errors of bad clips."""
    paths: tables.Table = {}
    facts: dict[str, tables.Table] = {tables.LENGTHS: {}, DIGESTS: {}, STATES: {}}
    errors: tables.Table = {}
    for number in parts.numbers:
        for utt, value in parts.read(number).items():
            how, rest = value.split(maxsplit=1)
            if how == _BAD:
                errors[utt] = rest
                continue
            path = Path(wav_scp[utt]) if how == _AS_IS else _flac_path(out, number, utt)
            paths[utt] = str(path.absolute())
            for table, fact in zip(facts.values(), rest.split(), strict=True):
                table[utt] = fact
    return paths, facts, errors


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


def _within_16_bits(path: Path, wav: np.ndarray) -> np.ndarray:
    """Scales wav (S,) float32 down, with a warning, if 16 bits would clip it."""
    peak = float(np.abs(wav).max())
    if peak <= 1.0:
        return wav
    logger.warning("%s: peak %.3f is over full scale: scaled down to 1", path.stem, peak)
    return wav / peak


def _write_flac(path: Path, wav: np.ndarray) -> None:
    """Writes wav (S,) float32 as 16-bit FLAC."""
    samples = to_int16(wav)
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
