"""Quiet clips: what 16 bits would lose is scaled up, what they hold stays as it is."""

import numpy as np
import pytest
import soundfile as sf

from fad.data.audio import read_audio
from fad.data.digests import digest_of
from fad.data.level import FAINTEST, with_level

WAV = np.random.default_rng(0).uniform(-1, 1, 16_000).astype(np.float32)
WAV /= np.abs(WAV).max()


@pytest.mark.parametrize("peak", [FAINTEST * 0.99, 1e-3, 1e-5, 1e-30, 1e-44])
def test_a_faint_clip_is_brought_to_full_scale(peak):
    found = with_level(f"at {peak}", (WAV * np.float64(peak)).astype(np.float32))
    assert found.dtype == np.float32
    assert np.abs(found).max() == 1
    if peak > 1e-30:  # smaller ones have few digits themselves
        assert np.abs(found - WAV).max() < 1e-6


@pytest.mark.parametrize("peak", [FAINTEST, 0.5, 1, 3])
def test_a_clip_that_16_bits_hold_stays_as_it_is(peak):
    wav = WAV * np.float32(peak)
    assert with_level("clip", wav) is wav


def test_zeros_stay_zeros():
    assert not with_level("zeros", np.zeros(500, np.float32)).any()


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_faint_file_is_read_the_same_from_what_stage_2_writes(tmp_path, subtype):
    """Else the digest of a dumped clip would not be that of the file it was read from."""
    sf.write(tmp_path / "a.wav", WAV * 1e-3, 16_000, subtype=subtype)
    wav = read_audio(tmp_path / "a.wav")
    sf.write(tmp_path / "b.flac", wav, 16_000, subtype="PCM_16")
    assert digest_of(read_audio(tmp_path / "b.flac")) == digest_of(wav)
    assert np.abs(wav - WAV).max() < (0.05 if subtype == "PCM_16" else 1e-6)
