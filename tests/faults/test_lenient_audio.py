"""Files that programs write and decoders stumble over: read right, each time the same."""

import logging
import re
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from fad.data import audio
from fad.data.audio import MAX_SAMPLES, read_audio
from fad.utils.errors import FadError

from .inputs import noise

RATE = 16_000


def encode_mp3(path: Path, wav: np.ndarray, rate: int, container: str | None = None) -> Path:
    with av.open(str(path), "w", format=container) as box:
        stream = box.add_stream("libmp3lame", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(wav[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = rate, 0
        cut = av.AudioResampler("fltp", "mono", rate, 1152 if rate > 24_000 else 576)
        for part in [*cut.resample(frame), *cut.resample(None), None]:
            box.mux(stream.encode(part))
    return path


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as box:
        return np.concatenate([frame.to_ndarray()[0] for frame in box.decode(audio=0)])


def test_mp3_inside_wav_is_what_ffmpeg_reads_every_time(tmp_path):
    path = encode_mp3(tmp_path / "a.wav", noise(3), RATE, "wav")
    expected = decode(path)
    assert len(expected) < sf.info(path).frames  # the header promises more than there is
    for _ in range(10):
        assert np.array_equal(read_audio(path), expected)


def test_no_memory_is_used_beyond_what_was_read(tmp_path, monkeypatch):
    """The planted fault: libsndfile's promise is believed, as soundfile's blocks do."""
    path = encode_mp3(tmp_path / "a.wav", noise(3), RATE, "wav")
    monkeypatch.setattr(audio, "_is_left_to_ffmpeg", lambda info: False)
    with pytest.raises(FadError, match=r"damaged: only \d+ of \d+ samples can be decoded"):
        read_audio(path)


@pytest.mark.parametrize("name", ["gsm.wav", "dialogic.vox"])
def test_telephone_formats_that_cannot_seek_are_read(tmp_path, name):
    how = {"subtype": "GSM610"} if name == "gsm.wav" else {"format": "RAW", "subtype": "VOX_ADPCM"}
    tone = 0.3 * np.sin(np.arange(16_000) * 0.2)
    sf.write(tmp_path / name, tone, 8_000, **how)
    found = read_audio(tmp_path / name)
    assert abs(len(found) - 32_000) < 320
    assert np.corrcoef(found[::2][:16_000], tone)[0, 1] > 0.9


@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
def test_all_links_of_a_chained_ogg_are_read(tmp_path, subtype):
    parts = []
    for n in range(3):
        sf.write(tmp_path / f"{n}.ogg", noise(0.5) * (n + 1) / 3, RATE, subtype, format="OGG")
        parts.append(tmp_path / f"{n}.ogg")
    chained = tmp_path / "chained.ogg"
    chained.write_bytes(b"".join(part.read_bytes() for part in parts))
    expected = np.concatenate([read_audio(part) for part in parts])
    assert np.array_equal(read_audio(chained), expected)
    assert len(expected) == 24_000


def test_a_chain_of_two_rates_is_refused(tmp_path):
    for rate in (8_000, 16_000):
        sf.write(tmp_path / f"{rate}.ogg", noise(0.5), rate, "VORBIS", format="OGG")
    both = b"".join((tmp_path / f"{rate}.ogg").read_bytes() for rate in (8_000, 16_000))
    (tmp_path / "chained.ogg").write_bytes(both)
    with pytest.raises(FadError, match=r"chained\.ogg: damaged: its rate changes within it"):
        read_audio(tmp_path / "chained.ogg")


def test_joined_mp3_are_read_behind_the_seam_and_it_is_said(tmp_path, caplog):
    parts = [encode_mp3(tmp_path / f"{n}.mp3", noise(1, 44_100), 44_100) for n in (1, 2)]
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert len(read_audio(joined)) > 1.95 * RATE
    assert (
        "joined.mp3: packets left out, which cannot be decoded: 1, the first at 1.0" in caplog.text
    )


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_bit_of_a_flac_turned_over_is_seen(tmp_path, subtype, channels):
    good = tmp_path / "good.flac"
    sf.write(good, noise(1, channels=channels), RATE, subtype=subtype)
    read_audio(good)
    content = bytearray(good.read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + 40):
        spoilt = bytearray(content)
        spoilt[place] ^= 0x10
        (tmp_path / "bad.flac").write_bytes(spoilt)
        with pytest.raises(FadError, match=r"bad\.flac: damaged"):
            read_audio(tmp_path / "bad.flac")


def test_samples_that_are_not_those_of_the_md5_are_refused(tmp_path):
    path = tmp_path / "a.flac"
    sf.write(path, noise(1), RATE)
    content = bytearray(path.read_bytes())
    content[30] ^= 1  # of the MD5
    path.write_bytes(content)
    with pytest.raises(FadError, match="its samples are not those of its MD5"):
        read_audio(path)
    content[26:42] = bytes(16)  # an encoder that wrote to a pipe
    path.write_bytes(content)
    read_audio(path)


def test_hours_at_an_enormous_rate_are_refused_before_they_fill_the_memory(tmp_path):
    path = tmp_path / "bomb.flac"
    sf.write(path, np.zeros(70_000), 655_350 // 10 * 10, format="FLAC")
    content = bytearray(path.read_bytes())
    content[21] = content[21] & 0xF0 | (MAX_SAMPLES + 1) >> 32
    content[22:26] = (MAX_SAMPLES + 1 & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(FadError, match=r"bomb\.flac: longer than 4 hours"):
        read_audio(path)


@pytest.mark.parametrize(
    "error", [MemoryError(), ValueError("odd"), RuntimeError(), TypeError("x")]
)
def test_whatever_a_decoder_raises_is_a_bad_clip(tmp_path, monkeypatch, error):
    path = tmp_path / "a.wav"
    sf.write(path, noise(1), RATE)

    def broken(*_):
        raise error

    monkeypatch.setattr(audio, "_decode", broken)
    with pytest.raises(FadError, match=r"a\.wav: (cannot be decoded|does not fit into memory)"):
        read_audio(path)


@pytest.mark.parametrize(
    ("wav", "says"),
    [
        (noise(1) * 0.03, r"very quiet \(-47 dB\): its score depends on its level"),
        (noise(1) * 1e-3, r"very quiet \(peak -72 dB\): scaled up to full scale"),
        (noise(1)[:1], "only 0.06 ms of sound: its score means nothing"),
        (noise(1)[:399], "only 24.94 ms of sound"),
        (np.zeros(16_000), "nothing but zeros"),
        (noise(1) * 0.1, None),
        (noise(1)[:400], None),
    ],
)
def test_little_sound_is_warned_of_once(tmp_path, caplog, wav, says):
    path = tmp_path / "a.wav"
    sf.write(path, wav, RATE, subtype="FLOAT")
    with caplog.at_level(logging.WARNING):
        read_audio(path)
        read_audio(path)
    assert len(caplog.messages) == (says is not None)
    if says:
        assert re.search(says, caplog.messages[0])
