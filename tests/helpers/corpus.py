"""A dumped corpus of a few clips that a classifier can tell apart: tones against noise."""

from hashlib import md5
from pathlib import Path

import numpy as np
import soundfile

from fad.data import tables
from fad.data.digests import DIGESTS, digest_of

RATE = 16_000


def tone_or_noise(label: str, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """(S,) float32 at 16 kHz: a tone for bona fide, white noise for spoof."""
    samples = round(seconds * RATE)
    noise = rng.normal(0, 0.05, samples)
    if label == "spoof":
        return noise.astype(np.float32)
    tone = np.sin(2 * np.pi * rng.uniform(150, 400) * np.arange(samples) / RATE)
    return (0.3 * tone + 0.1 * noise).astype(np.float32)


def write_audio_dump(
    dump: Path, name: str, size: int, seconds: tuple[float, ...] = (0.5,), seed: int = 0
) -> Path:
    """Writes `dump/audio/<name>` of `size` clips, half of each class, lengths taken in turn."""
    rng = np.random.default_rng(seed)
    out = dump / "audio" / name
    wav_dir = dump / "wav" / name
    wav_dir.mkdir(parents=True)
    found: dict[str, dict[str, str]] = {
        file: {}
        for file in ("wav.scp", "utt2spk", "utt2label", "utt2attack", "utt2num_samples", DIGESTS)
    }
    for index in range(size):
        utt, label = f"{name}-{index:03d}", tables.LABELS[index % 2]
        wav = tone_or_noise(label, seconds[index % len(seconds)], rng)
        path = wav_dir / f"{utt}.wav"
        soundfile.write(path, wav, RATE, subtype="FLOAT")
        found["wav.scp"][utt] = str(path)
        found["utt2spk"][utt] = utt
        found["utt2label"][utt] = label
        found["utt2attack"][utt] = "-" if label == "bonafide" else "noise"
        found["utt2num_samples"][utt] = str(len(wav))
        found[DIGESTS][utt] = digest_of(wav)
    tables.write_data_dir(out, found)
    return out


def add_digests(audio: Path) -> Path:
    """Adds digests to a hand-made dump, of its utterances' names in place of their audio."""
    utts = tables.read_table(audio / "utt2label")
    tables.write_table(audio / DIGESTS, {utt: md5(utt.encode()).hexdigest() for utt in utts})
    return audio
