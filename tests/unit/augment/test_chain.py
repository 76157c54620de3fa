"""Augmentations: a contract over all that are registered, and chains of them."""

import numpy as np
import pytest

from fad.augment.base import Augmentation
from fad.augment.chain import Chain
from fad.augment.white_noise import WhiteNoise
from fad.utils.errors import FadError

WAV = np.sin(np.arange(16_000) / 20).astype(np.float32)


class Add(Augmentation):
    """Adds a constant."""

    def __init__(self, value: float, probability: float = 1.0) -> None:
        super().__init__(probability)
        self.value = value

    def __call__(self, wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return wav + self.value


class Halve(Augmentation):
    """Forgets half of it."""

    def __call__(self, wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return wav[::2]


def test_a_chain_acts_in_its_order_and_leaves_the_audio_alone():
    class Double(Add):
        def __call__(self, wav, rng):
            return 2 * wav

    before = WAV.copy()
    found = Chain([Add(1.0), Double(0.0)], seed=1)(WAV, 0, 0)
    assert np.allclose(found, 2 * (WAV + 1))
    assert found.dtype == np.float32
    assert np.array_equal(WAV, before)


def test_draws_depend_on_seed_epoch_utterance_and_place_only():
    chain = Chain([WhiteNoise([10, 40]), WhiteNoise([10, 40])], seed=1)
    first = chain(WAV, 3, 5)
    chain(WAV, 0, 0)  # asked for something else in between
    assert np.array_equal(chain(WAV, 3, 5), first)
    others = [
        chain(WAV, 4, 5),
        chain(WAV, 3, 6),
        Chain(chain.augmentations, seed=2)(WAV, 3, 5),
        Chain(chain.augmentations[:1], seed=1)(WAV, 3, 5),
    ]
    assert not any(np.array_equal(other, first) for other in others)


def test_a_share_of_the_utterances_is_changed():
    chain = Chain([Add(1.0, probability=0.25)], seed=1)
    changed = sum(not np.array_equal(chain(WAV[:4], 0, index), WAV[:4]) for index in range(2000))
    assert 0.21 < changed / 2000 < 0.29


def test_a_length_that_changes_is_refused():
    with pytest.raises(FadError, match=r"Halve made \(16000,\) samples \(8000,\)"):
        Chain([Halve()], seed=1)(WAV, 0, 0)


@pytest.mark.parametrize("probability", [-0.1, 1.1, "half", None, True, float("nan")])
def test_a_probability_that_is_no_share_is_refused(probability):
    with pytest.raises(FadError, match="give a number from 0 to 1"):
        Add(1.0, probability)


@pytest.mark.parametrize("snr", [0.0, 12.5, 40.0])
def test_white_noise_has_the_ratio_asked_for_and_is_white(snr):
    noise = WhiteNoise([snr, snr])(WAV, np.random.default_rng(0)) - WAV
    ratio = 10 * np.log10(np.sum(WAV.astype(float) ** 2) / np.sum(noise.astype(float) ** 2))
    assert ratio == pytest.approx(snr, abs=0.01)
    power = np.abs(np.fft.rfft(noise)) ** 2
    low, high = power[:4000].mean(), power[4000:].mean()
    assert low == pytest.approx(high, rel=0.1)


def test_white_noise_leaves_silence_and_draws_over_its_range():
    noise = WhiteNoise([10, 40])
    assert not noise(np.zeros(100, np.float32), np.random.default_rng(0)).any()
    found = []
    for seed in range(200):
        added = noise(WAV, np.random.default_rng(seed)) - WAV
        found.append(20 * np.log10(np.linalg.norm(WAV) / np.linalg.norm(added)))
    assert 10 <= min(found) < 11.5 and 38.5 < max(found) <= 40.01


@pytest.mark.parametrize("snr", [10, [10], [40, 10], ["1", 2], [float("nan"), 3], [0, 1000]])
def test_a_ratio_that_is_no_range_is_refused(snr):
    with pytest.raises(FadError, match=r"give \[lowest, highest\] in dB"):
        WhiteNoise(snr)
