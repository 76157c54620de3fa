"""The one way in which a waveform is prepared."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fad.data.lengths import MIN_SAMPLES, prepared_length
from fad.data.waveform import prepare_waveform


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(samples).normal(0.3, 0.1, samples).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 7, 8000, 64_599, 64_600, 64_601, 100_000])
def test_normalised_over_the_utterance_then_repeated(samples):
    wav = noise(samples)
    x = wav.astype(np.float64)
    x = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
    expected = x[np.arange(max(samples, MIN_SAMPLES)) % samples]
    found = prepare_waveform(wav, normalize=True)
    assert found.dtype == torch.float32
    assert np.allclose(found.numpy(), expected, atol=1e-5)


def test_without_normalising_the_samples_stay_as_they_are():
    wav = noise(50_000)
    found = prepare_waveform(wav, normalize=False).numpy()
    assert np.array_equal(found[:50_000], wav)
    assert np.array_equal(found[50_000:], wav[:14_600])


def test_silence_stays_finite():
    assert torch.equal(prepare_waveform(np.zeros(10, np.float32), True), torch.zeros(MIN_SAMPLES))


def test_the_callers_array_is_left_alone():
    wav = noise(64_600)
    before = wav.copy()
    prepare_waveform(wav, normalize=True)
    assert np.array_equal(wav, before)


@given(st.integers(1, 200_000), st.booleans())
def test_the_length_is_known_beforehand(samples, normalize):
    found = prepare_waveform(np.ones(samples, np.float32), normalize)
    assert len(found) == prepared_length(samples)
