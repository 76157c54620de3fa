"""Audio of any kind becomes 16 kHz mono float32, or one clear line."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf
from scipy.signal import firwin, resample_poly

from fad.data.audio import SAMPLE_RATE, probe, read_audio
from fad.utils.errors import FadError

SECONDS = 1.0
EDGE = 1600  # samples at each end, where filters of different lengths differ


def tone(rate: int, hertz: float = 440.0, peak: float = 0.5) -> np.ndarray:
    time = np.arange(int(SECONDS * rate)) / rate
    return peak * np.sin(2 * np.pi * hertz * time)


def chord(rate: int) -> np.ndarray:
    """A signal within 3 kHz, so that every rate tried here can hold it."""
    return sum(tone(rate, hertz, 0.15) for hertz in (110.0, 440.0, 1234.5, 2500.0, 3000.0))


def inside(wav: np.ndarray) -> np.ndarray:
    return wav[EDGE:-EDGE]


def write_av(path: Path, codec: str, wav: np.ndarray, rate: int = SAMPLE_RATE) -> Path:
    """Encodes wav (S,) or (C, S) with FFmpeg, which knows formats that libsndfile does not."""
    channels = np.atleast_2d(wav).astype(np.float32)
    layout = {1: "mono", 2: "stereo"}[len(channels)]
    with av.open(str(path), "w") as box:
        stream = box.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(channels, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        size = 4096 if codec == "alac" else 1024
        resampler = av.AudioResampler(stream.format.name, layout, rate, frame_size=size)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            box.mux(stream.encode(part))
    return path


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 24000, 44100, 48000, 96000])
def test_resampling_agrees_with_scipy_in_band(tmp_path, rate):
    wav = chord(rate)
    sf.write(tmp_path / "a.wav", wav, rate, subtype="DOUBLE")
    ours = read_audio(tmp_path / "a.wav")
    divisor = np.gcd(rate, SAMPLE_RATE)
    up, down = SAMPLE_RATE // divisor, rate // divisor
    longer = max(up, down)
    low_pass = firwin(128 * longer + 1, 0.9 / longer, window=("kaiser", 12.0))
    reference = resample_poly(wav, up, down, window=low_pass)
    assert ours.dtype == np.float32
    assert len(ours) == len(reference) == SAMPLE_RATE
    assert np.abs(inside(ours - reference)).max() < 1e-4


@pytest.mark.parametrize("hertz", [9000, 12000, 20000])
def test_what_lies_above_8_khz_does_not_fold_back(tmp_path, hertz):
    sf.write(tmp_path / "a.wav", tone(44100, hertz), 44100, subtype="FLOAT")
    assert np.abs(inside(read_audio(tmp_path / "a.wav"))).max() < 1e-4


def test_an_odd_rate_is_met_without_a_giant_filter(tmp_path):
    sf.write(tmp_path / "a.wav", tone(44101), 44101, subtype="FLOAT")
    assert np.abs(inside(read_audio(tmp_path / "a.wav") - tone(SAMPLE_RATE))).max() < 1e-3


@pytest.mark.parametrize(
    ("suffix", "subtype", "tolerance"),
    [
        ("wav", "PCM_U8", 1 / 128),
        ("wav", "PCM_16", 1 / 32768),
        ("wav", "PCM_24", 1e-6),
        ("wav", "PCM_32", 1e-7),
        ("wav", "FLOAT", 1e-7),
        ("wav", "DOUBLE", 1e-7),
        ("wav", "ULAW", 0.02),
        ("flac", "PCM_16", 1 / 32768),
        ("flac", "PCM_24", 1e-6),
        ("ogg", "VORBIS", 0.05),
        ("mp3", "MPEG_LAYER_III", 0.05),
    ],
)
def test_sample_types_are_read_at_their_precision(tmp_path, suffix, subtype, tolerance):
    path = tmp_path / f"a.{suffix}"
    sf.write(path, tone(SAMPLE_RATE), SAMPLE_RATE, subtype=subtype)
    wav = read_audio(path)
    assert len(wav) == SAMPLE_RATE
    assert np.abs(inside(wav - tone(SAMPLE_RATE))).max() < tolerance
    assert probe(path).subtype == subtype


def test_channels_are_averaged(tmp_path):
    stereo = np.stack([tone(SAMPLE_RATE), 0.5 * tone(SAMPLE_RATE, 1000)], axis=1)
    sf.write(tmp_path / "a.wav", stereo, SAMPLE_RATE, subtype="FLOAT")
    assert np.allclose(read_audio(tmp_path / "a.wav"), stereo.mean(axis=1), atol=1e-7)
    assert probe(tmp_path / "a.wav")[:3] == (SAMPLE_RATE, 2, SAMPLE_RATE)


def test_samples_over_full_scale_are_kept(tmp_path):
    sf.write(tmp_path / "a.wav", tone(SAMPLE_RATE, peak=3.0), SAMPLE_RATE, subtype="FLOAT")
    assert np.abs(read_audio(tmp_path / "a.wav")).max() == pytest.approx(3.0, abs=1e-3)


def test_pyav_reads_what_libsndfile_refuses(tmp_path):
    stereo = np.stack([tone(44100), 0.2 * tone(44100, 1000)])
    path = write_av(tmp_path / "a.m4a", "alac", stereo, 44100)
    with pytest.raises(sf.LibsndfileError):
        sf.read(path)
    assert probe(path) is None
    expected = (tone(SAMPLE_RATE) + 0.2 * tone(SAMPLE_RATE, 1000)) / 2
    assert np.abs(inside(read_audio(path)[:SAMPLE_RATE] - expected)).max() < 1e-3


def test_an_mp3_without_a_length_is_read_to_its_end(tmp_path):
    noise = np.random.default_rng(0).standard_normal(6 * SAMPLE_RATE) * 0.2
    noise[: 2 * SAMPLE_RATE] *= 0.001  # cheap frames first mislead whoever goes by the bit rate
    sf.write(tmp_path / "a.mp3", noise, SAMPLE_RATE, bitrate_mode="VARIABLE")
    content = (tmp_path / "a.mp3").read_bytes()
    second = content.find(content[:2], content.find(b"Xing"))
    (tmp_path / "b.mp3").write_bytes(content[second:])
    assert len(sf.read(tmp_path / "b.mp3")[0]) < 4 * SAMPLE_RATE, "libsndfile's fault is gone"
    assert len(read_audio(tmp_path / "b.mp3")) >= 6 * SAMPLE_RATE


def truncated(path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal(3 * SAMPLE_RATE) * 0.2
    sf.write(path, noise, SAMPLE_RATE)
    path.write_bytes(path.read_bytes()[:50_000])


def damaged(path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal(3 * SAMPLE_RATE) * 0.2
    sf.write(path, noise, SAMPLE_RATE)
    content = bytearray(path.read_bytes())
    content[40_000:42_000] = bytes(2000)
    path.write_bytes(content)


def with_nan(path: Path) -> None:
    wav = tone(SAMPLE_RATE)
    wav[5] = np.nan
    sf.write(path, wav, SAMPLE_RATE, format="WAV", subtype="FLOAT")


def with_inf(path: Path) -> None:
    wav = tone(48000)
    wav[5] = np.inf
    sf.write(path, wav, 48000, format="WAV", subtype="FLOAT")


def video_only(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as box:
        stream = box.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode()]:
            box.mux(packet)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: None, "no such audio file"),
        (lambda path: path.mkdir(), "is a folder: give its files"),
        (lambda path: path.write_bytes(b""), "neither libsndfile nor FFmpeg can decode it"),
        (lambda path: path.write_text("not audio"), "holds no audio"),
        (lambda path: sf.write(path, np.zeros(0), 16000, format="WAV"), "holds no audio"),
        (truncated, "damaged: only 1.54 of 3.00 seconds can be decoded"),
        (damaged, "damaged: only 2.74 of 3.00 seconds"),
        (with_nan, "holds NaN or infinite"),
        (with_inf, "holds NaN or infinite"),
        (video_only, "has no audio stream"),
    ],
)
def test_what_cannot_be_used_ends_in_one_line_with_the_file(tmp_path, make, expected):
    path = tmp_path / "clip.flac"
    make(path)
    with pytest.raises(FadError, match=expected) as caught:
        read_audio(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile 'secret.wav'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nsecret.wav\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_playlist_cannot_open_another_file(tmp_path, monkeypatch, playlist):
    monkeypatch.chdir(tmp_path)
    sf.write("secret.wav", tone(SAMPLE_RATE), SAMPLE_RATE)
    Path("list.m3u8").write_text(playlist)
    with pytest.raises(FadError, match="neither libsndfile nor FFmpeg"):
        read_audio("list.m3u8")


def test_silence_is_allowed_with_one_warning(tmp_path, caplog):
    sf.write(tmp_path / "a.wav", np.zeros(100), SAMPLE_RATE)
    for _ in range(2):
        assert not read_audio(tmp_path / "a.wav").any()
    assert [str(tmp_path / "a.wav") in message for message in caplog.messages] == [True]


def test_a_name_in_raw_is_not_taken_for_headerless(tmp_path):
    sf.write(tmp_path / "a.wav", tone(SAMPLE_RATE), SAMPLE_RATE)
    (tmp_path / "a.wav").rename(tmp_path / "a.raw")
    assert probe(tmp_path / "a.raw") is None
    assert len(read_audio(tmp_path / "a.raw")) == SAMPLE_RATE
