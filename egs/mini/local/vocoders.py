"""Copy synthesis: speech is analysed and put together again by a vocoder, as spoofs are."""

from collections.abc import Callable

import numpy as np
import pyworld
import torch
import torchaudio
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

SAMPLE_RATE = 16000
_FFT, _HOP = 1024, 256


def griffin_lim(wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The magnitudes of the short-time spectrum, with phases by Griffin and Lim's iteration."""
    return _phases_anew(_magnitudes(wav), rng)


def mel_griffin_lim(wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As `griffin_lim`, from 80 mel bands, whose fine structure is lost."""
    bank = torchaudio.functional.melscale_fbanks(_FFT // 2 + 1, 0.0, 8000.0, 80, SAMPLE_RATE)
    mel = bank.T @ _magnitudes(wav)
    return _phases_anew((torch.linalg.pinv(bank.T) @ mel).clamp(min=1e-6), rng)


def world(wav: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """WORLD: pitch, spectral envelope and aperiodicity."""
    return pyworld.synthesize(*_world_analysis(wav), SAMPLE_RATE)


def world_noise(wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """WORLD with a smoothed, jittered pitch and more noise between the harmonics."""
    pitch, envelope, aperiodicity = _world_analysis(wav)
    voiced = pitch > 0
    smooth = np.convolve(pitch, np.ones(5) / 5, mode="same")
    jitter = 1 + 0.01 * rng.standard_normal(len(pitch))
    pitch = np.where(voiced, np.maximum(smooth * jitter, 60.0), 0.0)
    return pyworld.synthesize(pitch, envelope, np.sqrt(aperiodicity), SAMPLE_RATE)


def lpc(wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Linear prediction of order 20, driven by pulses where voiced and by noise elsewhere."""
    order, size = 20, 2 * _HOP
    pitch, times = pyworld.dio(wav.astype(np.float64), SAMPLE_RATE)
    padded = np.pad(wav.astype(np.float64), (_HOP, size))
    window, out = np.hanning(size + 1)[:-1], np.zeros(len(wav) + 2 * size)
    excitation = _excitation(np.interp(np.arange(len(out)) / SAMPLE_RATE, times, pitch), rng)
    for start in range(0, len(wav), _HOP):
        frame = padded[start : start + size] * window
        lags = np.correlate(frame, frame, "full")[size - 1 : size + order]
        lags[0] = lags[0] * 1.0001 + 1e-9
        coefficients = solve_toeplitz(lags[:-1], lags[1:])
        gain = np.sqrt(max(lags[0] - coefficients @ lags[1:], 1e-12) / (window @ window))
        driven = gain * excitation[start : start + size]
        out[start : start + size] += window * lfilter([1.0], [1, *-coefficients], driven)
    return out[_HOP : _HOP + len(wav)]


Vocoder = Callable[[np.ndarray, np.random.Generator], np.ndarray]
SEEN: dict[str, Vocoder] = {"griffinlim": griffin_lim, "world": world, "lpc": lpc}
UNSEEN: dict[str, Vocoder] = {"melgriffinlim": mel_griffin_lim, "worldnoise": world_noise}


def copy_synthesis(name: str, wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Speech (S,) float32 at 16 kHz through a vocoder, at the length and level it came with."""
    made = np.asarray((SEEN | UNSEEN)[name](wav, rng), dtype=np.float64)
    made = np.pad(made, (0, max(len(wav) - len(made), 0)))[: len(wav)]
    level = np.sqrt(np.mean(np.square(wav)) / max(np.mean(np.square(made)), 1e-12))
    return (level * made).astype(np.float32)


def _magnitudes(wav: np.ndarray) -> torch.Tensor:
    window = torch.hann_window(_FFT)
    return torch.stft(torch.from_numpy(wav), _FFT, _HOP, window=window, return_complex=True).abs()


def _phases_anew(magnitudes: torch.Tensor, rng: np.random.Generator) -> np.ndarray:
    torch.manual_seed(int(rng.integers(2**31)))
    return torchaudio.functional.griffinlim(
        magnitudes,
        window=torch.hann_window(_FFT),
        n_fft=_FFT,
        hop_length=_HOP,
        win_length=_FFT,
        power=1.0,
        n_iter=32,
        momentum=0.99,
        length=None,
        rand_init=True,
    ).numpy()


def _world_analysis(wav: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = wav.astype(np.float64)
    pitch, times = pyworld.dio(x, SAMPLE_RATE)
    pitch = pyworld.stonemask(x, pitch, times, SAMPLE_RATE)
    envelope = pyworld.cheaptrick(x, pitch, times, SAMPLE_RATE)
    return pitch, envelope, pyworld.d4c(x, pitch, times, SAMPLE_RATE)


def _excitation(pitch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Unit-power pulses at the pitch where there is one, else white noise."""
    pulses = np.diff(np.floor(np.cumsum(pitch / SAMPLE_RATE)), prepend=0.0) > 0
    voiced = pitch > 50
    strength = np.sqrt(SAMPLE_RATE / np.maximum(pitch, 50))
    return np.where(voiced, pulses * strength, rng.standard_normal(len(pitch)))
