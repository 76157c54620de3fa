"""Any audio file as 16 kHz mono float32."""

import logging
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import soundfile as sf

from fad.errors import FadError

SAMPLE_RATE = 16000  # Hz, what XLS-R was trained on

_BLOCK = 1 << 20  # frames decoded at a time: long files cost memory for one channel only
# A Kaiser-windowed sinc: flat to 7 kHz, 6 dB down at 7.6 kHz, over 90 dB down from 8.6 kHz.
_RESAMPLING = {
    "lowpass_filter_width": 64,
    "rolloff": 0.9475937167399596,
    "resampling_method": "sinc_interp_kaiser",
    "beta": 14.769656459379492,
}
# The file is opened by us and no protocol is allowed, so that a playlist that calls itself audio
# cannot make FFmpeg open other files or addresses; tags in an odd encoding do not matter.
_AV_OPTIONS = {"options": {"protocol_whitelist": "none"}, "metadata_errors": "ignore"}

logger = logging.getLogger(__name__)


class AudioInfo(NamedTuple):
    """What a file's header says; `frames` is an estimate for MP3."""

    rate: int
    channels: int
    frames: int
    format: str
    subtype: str


def probe(path: str | Path) -> AudioInfo | None:
    """Reads a header without decoding; None where libsndfile refuses the file."""
    try:
        info = sf.info(str(path))
    except (sf.LibsndfileError, TypeError):  # TypeError: a name in .raw, taken for headerless
        return None
    return AudioInfo(info.samplerate, info.channels, info.frames, info.format, info.subtype)


def read_audio(path: str | Path) -> np.ndarray:
    """Decodes a whole file of any format, rate and number of channels.

    Channels are averaged; nothing is scaled or clipped. Silence is allowed, with a warning.

    Returns:
        wav (S,) float32 at 16 kHz, finite, S >= 1.

    Raises:
        FadError: The file is missing, empty, in no known format, damaged or holds NaN or infinity.
    """
    path = Path(path)
    if not path.is_file():
        raise FadError(f"{path}: no such audio file: correct its path in wav.scp")
    wav, rate = _decode(path)
    if len(wav) == 0:
        raise FadError(f"{path}: holds no audio: replace it or remove it from the corpus")
    wav = _resample(wav, rate)
    if not np.isfinite(wav).all():
        raise FadError(f"{path}: holds NaN or infinite samples: write it anew or remove it")
    if not wav.any():
        _warn_of_silence(path)
    return wav


def _decode(path: Path) -> tuple[np.ndarray, int]:
    """Decodes with libsndfile, or with PyAV what that refuses or would cut.

    Returns:
        wav (S,) float32, the mean of the channels, and its rate in Hz.
    """
    info = probe(path)
    # libsndfile guesses the length of an MP3 without a Xing header, and stops there.
    exact = info is not None and info.format != "MP3"
    try:
        wav, rate = _decode_libsndfile(path) if exact else _decode_av(path)
    except sf.LibsndfileError:
        wav, rate = _decode_av(path)
    if exact and len(wav) < info.frames:
        raise FadError(
            f"{path}: damaged: only {len(wav)} of {info.frames} samples can be decoded: "
            "fetch it again or remove it from the corpus"
        )
    return wav, rate


def _decode_libsndfile(path: Path) -> tuple[np.ndarray, int]:
    with sf.SoundFile(str(path)) as file:
        blocks = file.blocks(_BLOCK, dtype="float32", always_2d=True)
        return _join([block.mean(axis=1) for block in blocks]), file.samplerate


def _decode_av(path: Path) -> tuple[np.ndarray, int]:
    try:
        with path.open("rb") as file, av.open(file, **_AV_OPTIONS) as box:
            if not box.streams.audio:
                raise FadError(f"{path}: has no audio stream: remove it from the corpus")
            stream = box.streams.audio[0]
            to_float = av.AudioResampler(format="fltp")  # changes the sample type alone
            frames = [part for frame in box.decode(stream) for part in to_float.resample(frame)]
            return _join([frame.to_ndarray().mean(axis=0) for frame in frames]), stream.rate
    except (av.FFmpegError, OSError) as error:
        raise FadError(
            f"{path}: neither libsndfile nor FFmpeg can decode it ({error.strerror}): "
            "convert it to WAV or FLAC, fetch it again or remove it"
        ) from None


def _join(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype=np.float32), *parts])


def _resample(wav: np.ndarray, rate: int) -> np.ndarray:
    """Resamples wav (S,) from `rate` Hz to 16 kHz."""
    if rate == SAMPLE_RATE:
        return wav
    # Seconds to import, and most corpora need no resampling.
    import torch
    import torchaudio

    # The filter bank grows with the terms of the ratio. An odd rate such as 44,101 Hz is met within
    # 1e-6, a thousandth of a semitone, instead of with gigabytes.
    ratio = Fraction(rate, SAMPLE_RATE).limit_denominator(1000)
    resampled = torchaudio.functional.resample(
        torch.from_numpy(wav), ratio.numerator, ratio.denominator, **_RESAMPLING
    )
    return resampled.numpy()


@cache
def _warn_of_silence(path: Path) -> None:
    """Warns once a process, since training may read a file every epoch."""
    logger.warning("%s: nothing but zeros: is this clip meant to be in the corpus?", path)
