"""Any audio file as 16 kHz mono float32."""

import io
import logging
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import soundfile as sf

from fad.data.flac import check_md5
from fad.data.level import SAMPLE_RATE, with_level
from fad.data.ogg import links
from fad.data.truncation import missing_bytes, says_its_length
from fad.utils.errors import FadError
from fad.utils.files import is_file

if TYPE_CHECKING:
    import av

RATES = (1_000, 768_000)  # Hz: outside, resampling would need too much time or memory
MAX_HOURS = 4  # a small FLAC can hold days of silence, which would fill the memory
MAX_SAMPLES = MAX_HOURS * 3600 * 48_000  # in a channel, at any rate: 2.8 GB

_BLOCK = 1 << 20  # frames decoded at a time: a long file needs memory for one channel only
# A Kaiser-windowed sinc: flat to 7 kHz, 6 dB down at 7.6 kHz, over 90 dB down from 8.6 kHz.
_RESAMPLING = {
    "lowpass_filter_width": 64,
    "rolloff": 0.9475937167399596,
    "resampling_method": "sinc_interp_kaiser",
    "beta": 14.769656459379492,
}
# We open the file and allow no protocol: a playlist disguised as audio cannot make FFmpeg open
# other files or addresses. Tags in an unknown encoding are ignored.
_AV_OPTIONS: dict[str, Any] = {
    "options": {"protocol_whitelist": "none"},
    "metadata_errors": "ignore",
}

logger = logging.getLogger(__name__)


_UNKNOWN = 2**63 - 1  # libsndfile's frame count for a FLAC that was written to a pipe
_SLACK = 0.25  # seconds by which the padding of encoders may differ


class AudioInfo(NamedTuple):
    """The header of an audio file.

    Attributes:
        rate: samples a second.
        channels: their number.
        frames: samples in each channel; an estimate for MP3.
        format: libsndfile's name of the file format.
        subtype: libsndfile's name of the sample format.
        missing: bytes of sound that the header promises and the file lacks.
    """

    rate: int
    channels: int
    frames: int
    format: str
    subtype: str
    missing: int


def probe(path: str | Path) -> AudioInfo | None:
    """Reads a header without decoding; None if libsndfile refuses the file."""
    try:
        info = sf.info(os.fsencode(path))  # a name need not be UTF-8
    except (sf.LibsndfileError, TypeError):  # TypeError: libsndfile takes .raw for headerless
        return None
    missing = missing_bytes(info.extra_info)
    return AudioInfo(
        info.samplerate, info.channels, info.frames, info.format, info.subtype, missing
    )


def read_audio(path: str | Path) -> np.ndarray:
    """Decodes a whole file of any format, rate and number of channels.

    Channels are averaged; nothing is clipped, and nothing is scaled but clips whose peak is below
    -54 dB (see `with_level`). Silence is allowed, with a warning, and so are quiet and very short
    clips, whose scores mean little.

    Returns:
        wav (S,) float32 at 16 kHz, finite, S >= 1.

    Raises:
        FadError: The file is missing, empty, in no known format, damaged, cut short, over
            `MAX_HOURS` long, of a rate outside `RATES`, or holds NaN or infinity.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise FadError(f"{path}: is a folder: give its files")
    if not is_file(path):
        raise FadError(f"{path}: no such audio file: correct its path")
    try:
        wav = _read(path)
    except FadError:
        raise
    except MemoryError:
        raise FadError(f"{path}: does not fit into memory: cut it into shorter clips") from None
    except Exception as error:  # decoders have errors of many kinds: the clip is bad, not the run
        reason = " ".join(f"{type(error).__name__} {error}".split())[:200]
        raise FadError(
            f"{path}: cannot be decoded ({reason}): convert it to WAV or leave it out"
        ) from error
    return with_level(str(path), wav)


def _read(path: Path) -> np.ndarray:
    """As `read_audio`, at the file's level; a decoder may raise anything."""
    wav, rate = _decode(path)
    if len(wav) == 0:
        raise FadError(f"{path}: holds no audio: replace it or leave it out")
    if not RATES[0] <= rate <= RATES[1]:
        raise FadError(
            f"{path}: its rate is {rate} Hz, outside {RATES[0]} to {RATES[1]}: mend it or leave it "
            "out"
        )
    wav = resample(wav, rate)
    if not np.isfinite(wav).all():
        raise FadError(f"{path}: holds NaN or infinite samples: write it anew or leave it out")
    return wav


def _decode(path: Path) -> tuple[np.ndarray, int]:
    """Decodes with libsndfile, or with PyAV if libsndfile refuses the file or would cut it.

    Returns:
        wav (S,) float32, the mean of the channels, and its rate in Hz.
    """
    info = probe(path)
    if info is not None and info.missing:
        raise _damaged(path, f"cut short, {info.missing} bytes of sound are missing")
    # libsndfile guesses the length of an MP3 without a Xing header and stops there. It also
    # believes the length 0 of a WAV that was written to a pipe.
    exact = info is not None and info.frames > 0 and not _is_left_to_ffmpeg(info)
    if exact and info is not None and _most(info.rate) < info.frames != _UNKNOWN:
        raise _too_long(path)  # before the memory is full
    try:
        wav, rate = _decode_libsndfile(path) if exact else _decode_av(path)
    except sf.LibsndfileError:
        wav, rate = _decode_av(path)
    if exact and info is not None and info.frames != _UNKNOWN and len(wav) < info.frames:
        raise _damaged(path, f"only {len(wav)} of {info.frames} samples can be decoded")
    return wav, rate


def _damaged(path: Path, how: str) -> FadError:
    return FadError(f"{path}: damaged: {how}: fetch it again or leave it out")


def _is_left_to_ffmpeg(info: AudioInfo) -> bool:
    """libsndfile guesses the length of MP3, and reports too much of MP3 in WAV and of G.72x."""
    return info.format == "MP3" or info.subtype.startswith(("MPEG", "G72"))


def _most(rate: int) -> int:
    """The most samples of a channel that are read."""
    return min(MAX_HOURS * 3600 * max(rate, RATES[0]), MAX_SAMPLES)


def _too_long(path: Path) -> FadError:
    return FadError(
        f"{path}: longer than {MAX_HOURS} hours (over 48 kHz: than {MAX_SAMPLES:,} samples): cut "
        "it into shorter clips"
    )


def _decode_libsndfile(path: Path) -> tuple[np.ndarray, int]:
    with sf.SoundFile(os.fsencode(path)) as file:
        means = (block.mean(axis=1) for block in _blocks(file))
        wav = _join(path, means, file.samplerate)
        check_md5(path, file)
        rate, chained = file.samplerate, file.format == "OGG" and links(path)[1:]
    if not chained:
        return wav, rate
    content = path.read_bytes()
    rest = (_decode_link(path, content[link], rate) for link in chained)
    return _join(path, chain([wav], rest), rate), rate


def _decode_link(path: Path, content: bytes, rate: int) -> np.ndarray:
    """Decodes one of the links of a chained Ogg file: (S,) float32, the mean of its channels."""
    with sf.SoundFile(io.BytesIO(content)) as file:
        if file.samplerate != rate:
            raise _damaged(path, "its rate changes within it")
        return _join(path, (block.mean(axis=1) for block in _blocks(file)), rate)


def _blocks(file: sf.SoundFile) -> Iterator[np.ndarray]:
    """Yields blocks (n, channels) float32, of what was read only, whatever the header promises."""
    while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
        yield block


def _decode_av(path: Path) -> tuple[np.ndarray, int]:
    import av  # loads FFmpeg, which WAV and FLAC do not need

    try:
        with path.open("rb") as file, av.open(file, "r", **_AV_OPTIONS) as box:
            if not box.streams.audio:
                raise FadError(f"{path}: has no audio stream: leave it out")
            stream = box.streams.audio[0]
            if stream.codec_context is None:
                raise FadError(f"{path}: its coding is not known to FFmpeg: convert it to WAV")
            is_flac = stream.codec_context.name == "flac"
            if is_flac:  # it has a sum of each frame, which FFmpeg does not check by itself
                stream.codec_context.options = {"err_detect": "crccheck+explode"}
            # Changes only the sample type. Interleaved: PyAV reads past the end of over 8 planes.
            to_float = av.AudioResampler(format="flt")
            damage: list[str] = []
            frames = (
                part for frame in _frames(box, stream, damage) for part in to_float.resample(frame)
            )
            wav = _join(path, (_mean_of_channels(frame) for frame in frames), stream.rate)
            promised = _seconds(box) if says_its_length(path, box.format.name) else 0.0
    except (av.FFmpegError, OSError) as error:
        raise FadError(
            f"{path}: neither libsndfile nor FFmpeg can decode it ({error.strerror}): "
            "convert it to WAV or FLAC, fetch it again or leave it out"
        ) from None
    except ValueError:  # PyAV's own; FFmpeg's are caught above, some are ValueErrors too
        raise _damaged(path, "its rate or channels change within it") from None
    if len(wav) < (promised - _SLACK) * stream.rate:
        seconds = len(wav) / stream.rate
        raise _damaged(path, f"only {seconds:.2f} of {promised:.2f} seconds can be decoded")
    if damage and is_flac:
        raise _damaged(path, f"what is at {damage[0]} s has another checksum")
    if damage:
        logger.warning(
            "%s: packets left out, which cannot be decoded: %d, the first at %s s",
            *(path, len(damage), damage[0]),
        )
    return wav, stream.rate


def _frames(
    box: "av.container.InputContainer", stream: "av.AudioStream", damage: list[str]
) -> Iterator["av.AudioFrame"]:
    """Yields all frames that can be decoded, as FFmpeg does; adds the seconds of the others.

    Raises:
        av.FFmpegError: not one packet can be decoded.
    """
    import av

    decoded, failed = 0, None
    for packet in box.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError as error:
            at = packet.pts * packet.time_base if packet.pts is not None else 0
            damage.append(f"{float(at):.2f}")
            failed = error
            continue
        decoded += len(frames)
        yield from frames
    if failed and not decoded:
        raise failed


def _mean_of_channels(frame: "av.AudioFrame") -> np.ndarray:
    """The mean of the channels of an interleaved frame, (S,) float32."""
    return frame.to_ndarray().reshape(frame.samples, -1).mean(axis=1)


def _seconds(box: "av.container.InputContainer") -> float:
    """The duration of the audio by the container's header, 0 if unknown."""
    import av

    stream = box.streams.audio[0]
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    alone = len(box.streams) == 1  # otherwise it may be the duration of the video
    return box.duration / av.time_base if alone and box.duration else 0.0


def _join(path: Path, parts: Iterable[np.ndarray], rate: int) -> np.ndarray:
    """Concatenates blocks (n,) to one channel (S,) float32; refuses more than `_most`."""
    gathered, samples = [np.zeros(0, dtype=np.float32)], 0
    for part in parts:
        gathered.append(part)
        samples += len(part)
        if samples > _most(rate):
            raise _too_long(path)
    return np.concatenate(gathered)


def resample(wav: np.ndarray, rate: int) -> np.ndarray:
    """Resamples wav (S,) float32 from `rate` Hz to 16 kHz: (about 16000 S / rate,) float32."""
    if rate == SAMPLE_RATE:
        return wav
    # The import takes seconds, and most corpora need no resampling.
    import torch
    import torchaudio

    # The filter bank grows with the terms of the ratio. For an odd rate such as 44,101 Hz the exact
    # ratio would take gigabytes; this one differs by 1e-6, a thousandth of a semitone.
    ratio = Fraction(rate, SAMPLE_RATE).limit_denominator(1000)
    resampled = torchaudio.functional.resample(
        torch.from_numpy(wav), ratio.numerator, ratio.denominator, **_RESAMPLING
    )
    return resampled.numpy()
