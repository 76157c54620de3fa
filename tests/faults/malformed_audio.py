"""Audio that cannot be used: each ends in one line."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import soundfile as sf

from fad.data.audio import read_audio

from .fault import Fault
from .inputs import RATE, Maker, file, noise

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)


def sound(name: str, wav: np.ndarray | None = None, rate: int = RATE, **how: str) -> Maker:
    """A sound file of half a second of noise, or of `wav`; `how` goes to soundfile."""

    def make(folder: Path) -> Path:
        sf.write(folder / name, noise(rate=rate) if wav is None else wav, rate, **how)
        return folder / name

    return make


def changed(make: Maker, change: Callable[[bytes], bytes]) -> Maker:
    """What `make` makes, its bytes changed."""

    def make_changed(folder: Path) -> Path:
        path = make(folder)
        path.write_bytes(change(path.read_bytes()))
        return path

    return make_changed


def cut(name: str, share: float = 0.5, **how: str) -> Maker:
    """The beginning of a sound file of two seconds."""
    whole = sound(name, noise(2), **how)
    return changed(whole, lambda content: content[: int(share * len(content))])


def put(offset: int, form: str, value: int) -> Callable[[bytes], bytes]:
    """Overwrites a number of a header."""

    def change(content: bytes) -> bytes:
        spoilt = bytearray(content)
        struct.pack_into(form, spoilt, offset, value)
        return bytes(spoilt)

    return change


def with_samples(**values: float) -> np.ndarray:
    """Noise in which some samples, `at_5=nan`, are these."""
    wav = noise()
    for place, value in values.items():
        wav[int(place.removeprefix("at_"))] = value
    return wav


def video_only(folder: Path) -> Path:
    path = folder / "clip.mp4"
    with av.open(str(path), "w") as box:
        stream = box.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode()]:
            box.mux(packet)
    return path


def encoded(name: str, codec: str, **options: str) -> Maker:
    """A second of noise through one of FFmpeg's encoders."""

    def make(folder: Path) -> Path:
        with av.open(str(folder / name), "w", options=options) as box:
            stream = box.add_stream(codec, rate=RATE, layout="mono")
            wav = noise(1)[None].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(wav, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, 0
            size = 4096 if codec == "alac" else 1024
            resampler = av.AudioResampler(stream.format.name, "mono", RATE, frame_size=size)
            for part in [*resampler.resample(frame), *resampler.resample(None), None]:
                box.mux(stream.encode(part))
        return folder / name

    return make


def bomb(name: str, seconds: float, rate: int) -> Maker:
    """Silence of hours in a file of kilobytes: FLAC keeps a constant block as one number."""

    def make(folder: Path) -> Path:
        with sf.SoundFile(folder / name, "w", rate, 1, "PCM_16") as out:
            for _ in range(int(seconds)):
                out.write(np.zeros(rate, dtype=np.int16))
        return folder / name

    return make


def glued(folder: Path) -> Path:
    """Two MP3 one behind the other, of two rates."""
    parts = [sound(f"{rate}.mp3", rate=rate)(folder).read_bytes() for rate in (16_000, 44_100)]
    (folder / "clip.mp3").write_bytes(b"".join(parts))
    return folder / "clip.mp3"


def link_loop(folder: Path) -> Path:
    (folder / "clip.wav").symlink_to(folder / "clip.wav")
    return folder / "clip.wav"


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "clip.wav")
    return folder / "clip.wav"


def directory(folder: Path) -> Path:
    (folder / "clip.wav").mkdir()
    return folder / "clip.wav"


def linked_to(target: str) -> Maker:
    def make(folder: Path) -> Path:
        (folder / "clip.wav").symlink_to(target)
        return folder / "clip.wav"

    return make


NO_FILE = "no such audio file: correct its path$"
NO_DECODER = "neither libsndfile nor FFmpeg can decode it .*fetch it again or leave it out"
NO_AUDIO = "holds no audio: replace it or leave it out"
CUT = "damaged: cut short, [0-9]+ bytes of sound are missing: fetch it again"
SHORT = "damaged: only .* can be decoded: fetch it again"
RATE_OUTSIDE = "its rate is [0-9]+ Hz, outside 1000 to 768000"
NOT_FINITE = "holds NaN or infinite samples: write it anew"

FAULTS = [
    Fault("audio: missing", lambda folder: folder / "none.wav", read_audio, NO_FILE),
    Fault("audio: a folder", directory, read_audio, "is a folder: give its files"),
    Fault("audio: a link to itself", link_loop, read_audio, NO_FILE),
    Fault("audio: a FIFO", fifo, read_audio, NO_FILE),
    Fault("audio: an endless device", linked_to("/dev/zero"), read_audio, NO_FILE),
    Fault("audio: a name too long", lambda folder: folder / ("x" * 300), read_audio, NO_FILE),
    Fault("audio: empty", file("clip.wav", b""), read_audio, NO_DECODER),
    Fault("audio: a WAV's header alone", cut("clip.wav", 0.0007), read_audio, CUT),
    Fault("audio: half a WAV's header", cut("clip.wav", 0.0003), read_audio, NO_DECODER),
    Fault("audio: a WAV without samples", sound("clip.wav", np.zeros(0)), read_audio, NO_AUDIO),
    Fault("audio: text named .wav", file("clip.wav", "not audio\n" * 99), read_audio, NO_DECODER),
    Fault("audio: text named .flac", file("clip.flac", "fLaC text"), read_audio, NO_DECODER),
    Fault("audio: a picture named .wav", file("clip.wav", PNG), read_audio, "has no audio stream"),
    Fault("audio: zeros named .wav", file("clip.wav", bytes(9999)), read_audio, NO_DECODER),
    Fault("audio: a film without sound", video_only, read_audio, "has no audio stream"),
    Fault("audio: a cut WAV", cut("clip.wav"), read_audio, CUT),
    Fault("audio: a WAV short of 100 bytes", cut("clip.wav", 0.9983), read_audio, CUT),
    Fault("audio: a cut 24-bit WAV", cut("clip.wav", subtype="PCM_24"), read_audio, CUT),
    Fault("audio: a cut A-law WAV", cut("clip.wav", subtype="ALAW"), read_audio, CUT),
    Fault("audio: a cut WAVEX", cut("clip.wav", format="WAVEX"), read_audio, CUT),
    Fault("audio: a cut RF64", cut("clip.rf64"), read_audio, CUT),
    Fault("audio: a cut W64", cut("clip.w64"), read_audio, CUT),
    Fault("audio: a cut AIFF", cut("clip.aiff"), read_audio, CUT),
    Fault("audio: a cut AU", cut("clip.au"), read_audio, CUT),
    Fault("audio: a cut FLAC", cut("clip.flac"), read_audio, SHORT),
    Fault("audio: a cut Ogg", cut("clip.ogg"), read_audio, NO_DECODER),
    Fault("audio: a cut MP3", cut("clip.mp3"), read_audio, SHORT),
    Fault(
        "audio: a cut M4A, its index last",
        changed(encoded("clip.m4a", "alac"), lambda content: content[: len(content) // 2]),
        read_audio,
        NO_DECODER,
    ),
    Fault(
        "audio: a cut M4A, its index first",
        changed(
            encoded("clip.m4a", "alac", movflags="faststart"),
            lambda content: content[: len(content) // 2],
        ),
        read_audio,
        SHORT,
    ),
    Fault(
        "audio: a cut Matroska",
        changed(encoded("clip.mkv", "aac"), lambda content: content[: len(content) // 2]),
        read_audio,
        SHORT,
    ),
    Fault(
        "audio: a FLAC with a hole",
        changed(sound("clip.flac", noise(3)), lambda b: b[:40_000] + bytes(2000) + b[42_000:]),
        read_audio,
        SHORT,
    ),
    Fault(
        "audio: a FLAC that claims hours more",
        changed(sound("clip.flac"), put(22, ">I", 2**27)),
        read_audio,
        SHORT,
    ),
    Fault(
        "audio: a WAV that claims 4 GB",
        changed(sound("clip.wav"), put(40, "<I", 4_000_000_000)),
        read_audio,
        CUT,
    ),
    Fault(
        "audio: a rate of 1 Hz",
        changed(sound("clip.wav"), put(24, "<I", 1)),
        read_audio,
        RATE_OUTSIDE,
    ),
    Fault(
        "audio: a rate of 0 Hz",
        changed(sound("clip.wav"), put(24, "<I", 0)),
        read_audio,
        NO_DECODER,
    ),
    Fault(
        "audio: a rate of 2 GHz",
        changed(sound("clip.wav"), put(24, "<I", 2**31 - 1)),
        read_audio,
        RATE_OUTSIDE,
    ),
    Fault(
        "audio: no channel",
        changed(sound("clip.wav"), put(22, "<H", 0)),
        read_audio,
        NO_DECODER,
    ),
    Fault(
        "audio: 65,535 channels",
        changed(sound("clip.wav"), put(22, "<H", 65535)),
        read_audio,
        NO_DECODER,
    ),
    Fault(
        "audio: an unknown coding",
        changed(sound("clip.wav"), put(20, "<H", 0x1234)),
        read_audio,
        "its coding is not known to FFmpeg: convert it to WAV",
    ),
    Fault(
        "audio: two rates in one file",
        glued,
        read_audio,
        "damaged: its rate or channels change within it: fetch it again",
    ),
    Fault(
        "audio: one NaN",
        sound("clip.wav", with_samples(at_5=np.nan), subtype="FLOAT"),
        read_audio,
        NOT_FINITE,
    ),
    Fault(
        "audio: an infinity in double",
        sound("clip.wav", with_samples(at_5=-np.inf), subtype="DOUBLE"),
        read_audio,
        NOT_FINITE,
    ),
    Fault(
        "audio: a double that float32 cannot hold",
        sound("clip.wav", with_samples(at_5=1e300), subtype="DOUBLE"),
        read_audio,
        NOT_FINITE,
    ),
    Fault(
        "audio: NaN to be resampled",
        sound("clip.wav", with_samples(at_7=np.nan), 48_000, subtype="FLOAT"),
        read_audio,
        NOT_FINITE,
    ),
    Fault(
        "audio: five hours of silence in 60 kB",
        bomb("clip.flac", 5 * 3600, 1000),
        read_audio,
        "longer than 4 hours .*: cut it into shorter clips",
    ),
]
