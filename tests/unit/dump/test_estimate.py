"""What a dump of frames is said to take, before it begins."""

import pytest
import torch

from fad.data.sources import AudioSource
from fad.dump import features as frame_dump
from fad.dump.features import Target
from fad.dump.layout import Stored
from fad.encoders.checkpoint import load_xlsr, read_checkpoint

FRONTEND = Stored(0, 32, None, "float32")


@pytest.fixture(scope="module")
def encoder(mini_file):
    return load_xlsr(read_checkpoint(mini_file)).eval()


@pytest.fixture(scope="module")
def source(tiny_dump, encoder):
    return AudioSource(tiny_dump / "audio" / "train", encoder.grid, normalize=True)


def test_the_estimate_does_not_decode_the_longest(encoder, source, monkeypatch):
    loaded = []
    load = type(source).load
    monkeypatch.setattr(type(source), "load", lambda self, i: loaded.append(i) or load(self, i))
    frame_dump.estimate(encoder, source, [FRONTEND], nj=1)
    assert max(source.frames[index] for index in loaded) < max(source.frames)


def test_the_estimate_waits_for_what_a_gpu_has_queued(encoder, source, monkeypatch):
    copies, copy = [], torch.Tensor.cpu

    def counted(self):
        copies.append(len(self))
        return copy(self)

    monkeypatch.setattr(torch.Tensor, "cpu", counted)
    frame_dump.estimate(encoder, source, [FRONTEND], nj=1)
    assert len(copies) >= 3, "of the first call, and of each that is timed"
    assert all(copies)


def test_the_estimate_is_the_size_that_is_written(encoder, source, tmp_path):
    gigabytes, seconds = frame_dump.estimate(encoder, source, [FRONTEND], nj=2)
    frame_dump.dump_job(encoder, source, [Target(FRONTEND, tmp_path, {})], 1, 1)
    written = sum(path.stat().st_size for path in tmp_path.glob("*.ark")) / 1e9
    assert gigabytes == pytest.approx(written, rel=0.01)
    assert seconds > 0
