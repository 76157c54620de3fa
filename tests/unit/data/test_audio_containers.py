"""`read_audio` against FFmpeg, on each pair of container and codec that FFmpeg can write here."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from fad.data.audio import read_audio, resample

SUFFIXES = {
    **{name: name for name in ("wav", "w64", "aiff", "au", "caf", "flac", "ogg", "opus", "mp3")},
    **{name: name for name in ("mp2", "mp4", "mov", "webm", "amr", "ac3", "eac3", "3gp", "avi")},
    **{name: name for name in ("nut", "wv", "tta", "voc", "spx", "g722", "flv")},
    **{"m4a": "ipod", "mkv": "matroska", "wma": "asf", "ts": "mpegts", "aac": "adts"},
}
RATES = (16_000, 48_000, 8_000)
# libsndfile decodes Opus at the rate of the original sound, and this ADPCM by its own rounding.
NEAR = {"opus": 0.98, "libopus": 0.98, "adpcm_ima_qt": 0.999}


def encoders() -> list[str]:
    """FFmpeg's encoders of sound."""
    found = []
    for name in sorted(av.codecs_available):
        with contextlib.suppress(ValueError):  # it only decodes
            if av.codec.Codec(name, "w").type == "audio":
                found.append(name)
    return found


def write(path: Path, container: str, codec: str, rate: int) -> None:
    """A second of a tone with noise."""
    noise = np.random.default_rng(0).standard_normal(rate)
    wav = 0.3 * np.sin(2 * np.pi * 300 * np.arange(rate) / rate) + 0.05 * noise
    with av.open(str(path), "w", format=container) as box:
        stream = box.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(wav[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = rate, 0
        box.start_encoding()
        context = stream.codec_context
        cut = av.AudioResampler(context.format, "mono", rate, context.frame_size or None)
        for part in [*cut.resample(frame), *cut.resample(None), None]:
            box.mux(stream.encode(part))


def decode(path: Path) -> np.ndarray:
    """What FFmpeg decodes, (S,) float32 at 16 kHz."""
    with av.open(str(path)) as box:
        stream = box.streams.audio[0]
        to_float = av.AudioResampler("flt")
        parts = [part for frame in box.decode(stream) for part in to_float.resample(frame)]
        return resample(np.concatenate([part.to_ndarray()[0] for part in parts]), stream.rate)


def written(folder: Path, suffix: str) -> Iterator[tuple[str, Path, np.ndarray]]:
    """Each codec that goes into a container and comes back, its file and its sound."""
    for codec in encoders():
        path = folder / f"{codec}.{suffix}"
        for rate in RATES:
            try:
                write(path, SUFFIXES[suffix], codec, rate)
                sound = decode(path)
            except (av.FFmpegError, ValueError, IndexError):
                continue  # not a pair, or not at this rate
            yield codec, path, sound
            break


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_it_reads_what_ffmpeg_reads(tmp_path, suffix):
    count = 0
    for codec, path, expected in written(tmp_path, suffix):
        found = read_audio(path)
        assert len(found) == len(expected), codec
        if codec in NEAR and suffix != "mkv":
            assert np.corrcoef(found, expected)[0, 1] > NEAR[codec], codec
        else:
            assert np.abs(found - expected).max() < 1e-4, codec
        count += 1
    assert count > 0
