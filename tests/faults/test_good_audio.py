"""Audio that is odd but good works, and comes out at its right length: nothing refuses too much."""

import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import soundfile as sf

from fad.data.audio import SAMPLE_RATE, read_audio

from .inputs import RATE, Maker, noise
from .malformed_audio import changed, encoded, put, sound

HALF = SAMPLE_RATE // 2  # samples of half a second


class Good(NamedTuple):
    """A sound file and the samples it gives, with what an encoder may add."""

    name: str
    make: Maker
    samples: int
    tolerance: int = 0


def sizes(riff: int, data: int) -> Callable[[bytes], bytes]:
    """Puts other sizes into the headers of RIFF and of the data."""

    def change(content: bytes) -> bytes:
        return (
            b"RIFF"
            + struct.pack("<I", riff)
            + content[8:40]
            + struct.pack("<I", data)
            + content[44:]
        )

    return change


def with_id3(content: bytes) -> bytes:
    return b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + content


def without_total(content: bytes) -> bytes:
    """A FLAC's header without its number of samples."""
    return content[:21] + bytes([content[21] & 0xF0]) + bytes(4) + content[26:]


def without_xing(content: bytes) -> bytes:
    """An MP3 without the frame that tells its length."""
    return content[content.find(content[:2], content.find(b"Info") + 4) :]


PCM = sound("a.wav", subtype="PCM_16")
GOOD = [
    *(
        Good(f"a WAV of {kind}", sound("a.wav", subtype=kind), HALF)
        for kind in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW")
    ),
    *(
        Good(f"a WAV at {rate} Hz", sound("a.wav", rate=rate), HALF, 1)
        for rate in (8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 44_101)
    ),
    Good("two channels", sound("a.wav", noise(channels=2)), HALF),
    Good("six channels", sound("a.wav", noise(channels=6)), HALF),
    Good(
        "52 channels, for FFmpeg alone", changed(sound("a.caf"), put(44, ">I", 52)), HALF // 52, 1
    ),
    Good("one sample", sound("a.wav", noise()[:1]), 1),
    Good("one sample at 48 kHz", sound("a.wav", noise()[:1], 48_000), 1),
    Good("silence", sound("a.wav", np.zeros(HALF)), HALF),
    Good("floats over full scale", sound("a.wav", 40 * noise(), subtype="FLOAT"), HALF),
    Good("a name of another format", lambda f: PCM(f).rename(f / "a.mp3"), HALF),
    Good("a name without suffix", lambda f: PCM(f).rename(f / "clip"), HALF),
    Good("WAVEX", sound("a.wav", format="WAVEX"), HALF),
    Good("RF64", sound("a.rf64"), HALF),
    Good("W64", sound("a.w64"), HALF),
    Good("AIFF", sound("a.aiff"), HALF),
    Good("AU", sound("a.au"), HALF),
    Good("CAF", sound("a.caf"), HALF),
    Good("FLAC", sound("a.flac"), HALF),
    Good("Ogg Vorbis", sound("a.ogg"), HALF),
    Good("MP3", sound("a.mp3"), HALF),
    Good("MP3 without its length", changed(sound("a.mp3"), without_xing), HALF, 3 * 1152),
    Good("M4A with AAC", encoded("a.m4a", "aac"), SAMPLE_RATE, 1024),
    Good("M4A with ALAC", encoded("a.m4a", "alac"), SAMPLE_RATE),
    Good("Matroska with AAC", encoded("a.mkv", "aac"), SAMPLE_RATE, 1024),
    Good("raw AAC", encoded("a.aac", "aac"), SAMPLE_RATE, 2048),
    Good("FLAC with an ID3 tag", changed(sound("a.flac"), with_id3), HALF),
    Good("FLAC from a pipe", changed(sound("a.flac"), without_total), HALF),
    *(
        Good(f"a WAV from a pipe, by {who}", changed(PCM, sizes(riff, data)), HALF)
        for who, riff, data in (
            ("FFmpeg", 0xFFFFFFFF, 0xFFFFFFFF),
            ("SoX", 0x7FFFF024, 0x7FFFF000),
            ("arecord", 0x80000024, 0x80000000),
            ("GStreamer", 0, 0),
            ("Python", 36, 0),
            ("a recorder that was stopped", 8, 0),
        )
    ),
    Good("a header counted as sound", changed(PCM, sizes(HALF * 2 + 80, HALF * 2 + 44)), HALF),
    Good(
        "more behind the sound", changed(PCM, lambda content: content + b"LIST" + bytes(40)), HALF
    ),
]


@pytest.mark.parametrize("good", GOOD, ids=lambda good: good.name)
def test_it_is_read_to_its_end(good, tmp_path):
    wav = read_audio(good.make(tmp_path))
    assert wav.dtype == np.float32
    assert wav.ndim == 1
    assert abs(len(wav) - good.samples) <= good.tolerance


def test_libsndfile_refuses_and_pyav_reads(tmp_path):
    """A FLAC whose header has a rate of 0: its frames say the rate too."""
    content = bytearray(sound("a.flac")(tmp_path).read_bytes())
    content[18:21] = bytes(2) + bytes([content[20] & 0x0F])
    (tmp_path / "a.flac").write_bytes(content)
    with pytest.raises(sf.LibsndfileError):
        sf.read(tmp_path / "a.flac")
    assert np.abs(read_audio(tmp_path / "a.flac") - noise()).max() <= 1 / 32768


def test_silence_is_said_once(tmp_path, caplog):
    path = sound("quiet.wav", np.zeros(100))(tmp_path)
    for _ in range(2):
        read_audio(path)
    assert [
        message for message in caplog.messages if "quiet.wav: nothing but zeros" in message
    ] == [f"{path}: nothing but zeros: is it the file that was meant?"]


def test_integers_are_read_at_their_scale(tmp_path):
    """Full scale of every integer type is 1 below and just under 1 above."""
    for kind in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32"):
        sf.write(tmp_path / "a.wav", np.array([-1.0, 1.0]), RATE, subtype=kind)
        low, high = read_audio(tmp_path / "a.wav")
        assert low == -1
        assert 0.99 < high <= 1
