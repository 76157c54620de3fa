"""Speech from the espeak-ng library of the `espeakng-loader` wheel, through ctypes."""

import ctypes
import random
from dataclasses import dataclass

import espeakng_loader
import numpy as np

from fad.utils.errors import FadError

_SYNCHRONOUS, _UTF8, _RATE, _PITCH, _RANGE = 2, 1, 1, 3, 4
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)
# Not f2, f3 and f5: their breath is noise that differs from one process to the next.
VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f4")


@dataclass(frozen=True)
class Voice:
    """A speaker: a language, an espeak-ng voice variant, and its pitch, pitch range and rate."""

    language: str
    variant: str
    pitch: int
    pitch_range: int
    words_per_minute: int

    @property
    def name(self) -> str:
        return f"{self.language}+{self.variant}-p{self.pitch}"


def random_voice(language: str, rng: random.Random) -> Voice:
    """A voice of the language with a random variant, pitch, pitch range and rate."""
    return Voice(
        language=language,
        variant=rng.choice(VARIANTS),
        pitch=rng.randrange(25, 80),
        pitch_range=rng.randrange(30, 80),
        words_per_minute=rng.randrange(130, 190),
    )


class Espeak:
    """The synthesiser; one instance a process, since the library keeps global state."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = str(espeakng_loader.get_data_path()).encode()
        self.sample_rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
        if self.sample_rate <= 0:
            raise FadError(f"espeak-ng does not start with the data in {data.decode()}")
        self._chunks: list[np.ndarray] = []
        # Kept as an attribute: ctypes would free a callback that nothing refers to.
        self._callback = _CALLBACK(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples, count: int, _events) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        return 0

    def say(self, text: str, voice: Voice) -> np.ndarray:
        """Speaks `text`: float32 (S,) at `sample_rate` in [-1, 1].

        Raises:
            FadError: the library does not know the voice or gives no sound.
        """
        name = f"{voice.language}+{voice.variant}"
        if self._library.espeak_SetVoiceByName(name.encode()) != 0:
            raise FadError(f"espeak-ng has no voice '{name}'")
        settings = {_RATE: voice.words_per_minute, _PITCH: voice.pitch, _RANGE: voice.pitch_range}
        for parameter, value in settings.items():
            self._library.espeak_SetParameter(parameter, value, 0)
        self._chunks = []
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        if not self._chunks:
            raise FadError(f"espeak-ng gave no sound for '{text}' in voice '{name}'")
        return np.concatenate(self._chunks).astype(np.float32) / 32768
