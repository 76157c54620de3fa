"""Stage 2's audio: every clip decoded once, and named or written as 16 kHz mono 16-bit.

A dump is made by `nj` jobs, each with its share of the utterances, and a step that joins them:
`<out>/split<nj>/{wav.<job>.scp, utt2num_samples.<job>, errors.<job>}` become a data directory.
"""

import io
import logging
import shutil
from pathlib import Path

import numpy as np
import soundfile as sf

from fad.data import tables
from fad.data.audio import SAMPLE_RATE, probe, read_audio
from fad.data.jobs import share
from fad.errors import FadError
from fad.files import atomic_path, remove_parts, write_text
from fad.progress import progress

_PARTS = ("wav.{}.scp", "utt2num_samples.{}", "errors.{}")

logger = logging.getLogger(__name__)


def dump_job(data: Path, out: Path, job: int, nj: int) -> None:
    """Decodes one job's share of a data directory and writes its part tables.

    A clip that cannot be read goes to the job's table of errors, and the rest is still done.

    Args:
        data: A data directory with audio of any kind.
        out: The dump; clips that must be converted go to `<out>/flac`.
        job: Which share, 1 to nj, contiguous in the sorted utterances.
        nj: Number of shares.
    """
    wav_scp = tables.validate_data_dir(data)["wav.scp"]
    (out / "wav.scp").unlink(missing_ok=True)  # from here on the dump is not finished
    utts = list(wav_scp)
    own = share(utts, job, nj)
    paths, lengths, errors = {}, {}, {}
    for utt in progress(own, desc=f"{out} {job}/{nj}", unit="clip"):
        source = Path(wav_scp[utt])
        try:
            wav = read_audio(source)
        except FadError as error:
            errors[utt] = str(error)
            continue
        paths[utt] = str(_as_is(source) or _write_flac(out / "flac" / f"{utt}.flac", wav))
        lengths[utt] = str(len(wav))
    for name, table in zip(_PARTS, (paths, lengths, errors), strict=True):
        tables.write_table(_split_dir(out, nj) / name.format(job), table)
    logger.info("%s: job %d of %d: %d clips, %d bad", out, job, nj, len(own), len(errors))


def combine(data: Path, out: Path, nj: int, skip_bad: bool) -> None:
    """Joins the jobs' tables into a data directory with `utt2num_samples`, and removes the parts.

    Args:
        data: The data directory that the jobs read.
        out: The dump.
        nj: Number of jobs there were.
        skip_bad: Leave bad clips out; otherwise they are an error. They are listed either way.

    Raises:
        FadError: A job has not run, the jobs ran on other data, or clips are bad.
    """
    source = tables.validate_data_dir(data)
    paths, lengths, errors = (_join_parts(out, nj, name) for name in _PARTS)
    tables.check_same_keys(
        {f"{data}/wav.scp": source["wav.scp"], f"the jobs of {out}": paths | errors}
    )
    (out / "wav.scp").unlink(missing_ok=True)
    _report(out, errors, len(source["wav.scp"]), skip_bad)
    _check_classes(out, source["utt2label"], paths)
    kept = {
        name: {utt: table[utt] for utt in paths}
        for name, table in source.items()
        if name != "spk2utt"
    }
    _carry_asv_scores(data, out)
    tables.write_data_dir(out, kept | {"wav.scp": paths, "utt2num_samples": lengths})
    _remove_stale(out, paths)
    remove_parts(out)
    seconds = sum(map(int, lengths.values())) / SAMPLE_RATE
    logger.info("%s: %d clips, %.2f hours", out, len(paths), seconds / 3600)


def _remove_stale(out: Path, paths: tables.Table) -> None:
    """Removes the jobs' tables, and clips that no utterance has now or that a kill left cut."""
    for split in out.glob("split*"):
        shutil.rmtree(split)
    # By name, since another machine may have written the clips under another path to this folder.
    kept = {f"{utt}.flac" for utt in paths}
    for clip in (out / "flac").glob("*"):
        if clip.name not in kept:
            clip.unlink()


def _split_dir(out: Path, nj: int) -> Path:
    return out / f"split{nj}"


def _as_is(path: Path) -> Path | None:
    """The absolute path of a file that needs no conversion, else None."""
    info = probe(path)
    wanted = (SAMPLE_RATE, 1, "PCM_16")
    if info is None or (info.rate, info.channels, info.subtype) != wanted:
        return None
    return path.absolute() if info.format in ("WAV", "WAVEX", "FLAC") else None


def _write_flac(path: Path, wav: np.ndarray) -> Path:
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
    return path.absolute()


def _join_parts(out: Path, nj: int, name: str) -> tables.Table:
    joined: tables.Table = {}
    for job in range(1, nj + 1):
        path = _split_dir(out, nj) / name.format(job)
        if not path.is_file():
            raise FadError(f"{path}: missing: job {job} of {nj} has not finished: run it again")
        joined.update(tables.read_table(path))
    return joined


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
