"""Makes the mini corpus: espeak-ng speech, and its copies through vocoders as spoofs.

    python local/prepare.py --audio data/audio --out data

The "bona fide" speech is the synthesiser's untouched output. Speakers (voices with their pitch and
rate) are disjoint between train, dev and eval. Two of the vocoders make attacks of eval alone.
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio
from espeak import Espeak, Voice, random_voice
from text import PHRASES, random_sentence
from vocoders import SAMPLE_RATE, SEEN, UNSEEN, copy_synthesis

from fad.data.corpus import Clip, write_corpus
from fad.utils.cli import run
from fad.utils.files import atomic_path
from fad.utils.progress import progress

# Voices a language, utterances a voice; one utterance in two is bona fide, and the others are
# shared out among the vocoders.
PLAN = {"train": (4, 8), "dev": (2, 7), "eval": (3, 10)}
LEAST, MOST = 2.0, 4.0  # seconds


def cast_voices(languages: list[str], seed: int) -> dict[str, list[Voice]]:
    """The speakers of each split, by language; no name is used twice."""
    rng, taken, cast = random.Random(seed), set(), {}
    for split, (voices, _) in PLAN.items():
        cast[split] = []
        for language in languages:
            wanted = len(cast[split]) + voices
            while len(cast[split]) < wanted:
                voice = random_voice(language, rng)
                if voice.name not in taken:
                    taken.add(voice.name)
                    cast[split].append(voice)
    return cast


def speech(
    espeak: Espeak, split: str, voices: list[Voice], rng: random.Random
) -> Iterator[tuple[str, Voice, np.ndarray]]:
    """Name, voice and 16 kHz waveform (S,) of each utterance of a split."""
    for voice in voices:
        for number in range(PLAN[split][1]):
            wav = say_long_enough(espeak, voice, rng)
            yield f"{split}-{voice.name.replace('+', '-')}-{number:02d}", voice, wav


def say_long_enough(espeak: Espeak, voice: Voice, rng: random.Random) -> np.ndarray:
    """A sentence that takes 2 to 4 s; others are passed over."""
    while True:
        wav = torch.from_numpy(espeak.say(random_sentence(voice.language, rng), voice))
        wav = torchaudio.functional.resample(wav, espeak.sample_rate, SAMPLE_RATE).numpy()
        if LEAST <= len(wav) / SAMPLE_RATE <= MOST:
            return wav


def make_clips(audio: Path, languages: list[str], seed: int) -> list[Clip]:
    """Writes all audio below `audio` and describes it."""
    espeak, clips = Espeak(), []
    cast = cast_voices(languages, seed)
    total = sum(len(voices) * PLAN[split][1] for split, voices in cast.items())
    with progress(total=total, desc="speech", unit="utt") as bar:
        for split in PLAN:
            vocoders = list(SEEN | UNSEEN) if split == "eval" else list(SEEN)
            rng = random.Random(f"{seed} {split}")
            for index, (name, voice, wav) in enumerate(speech(espeak, split, cast[split], rng)):
                attack = vocoders[index // 2 % len(vocoders)] if index % 2 else "-"
                if index % 2:
                    wav = copy_synthesis(attack, wav, np.random.default_rng([seed, index]))
                path = audio / split / f"{name}.flac"
                with atomic_path(path) as part:
                    soundfile.write(part, 0.9 * wav / np.abs(wav).max(), SAMPLE_RATE, "PCM_16")
                label = "spoof" if index % 2 else "bonafide"
                facts = {"lang": voice.language}
                clips.append(Clip(name, path, label, attack, voice.name, split, facts=facts))
                bar.update()
    return clips


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--audio", type=Path, required=True, help="folder for the audio")
    parser.add_argument("--out", type=Path, required=True, help="folder of the data directories")
    parser.add_argument(
        "--languages",
        type=int,
        default=len(PHRASES),
        choices=range(1, len(PHRASES) + 1),
        help="how many of the languages: fewer make a smaller corpus (default: all)",
    )
    parser.add_argument("--seed", type=int, default=1)
    return parser


def main(argv: list[str] | None = None) -> None:
    args = get_parser().parse_args(argv)
    torch.set_num_threads(1)  # short transforms: more threads only wait for each other
    clips = make_clips(args.audio, list(PHRASES)[: args.languages], args.seed)
    write_corpus(args.out, "mini", clips)


if __name__ == "__main__":
    run(main)
