"""Scores: their sign, and that neither order nor batch nor job matters."""

import numpy as np
import pytest
import torch

from fad.config import load_config
from fad.data import tables
from fad.data.audio import read_audio
from fad.data.batches import length_batches
from fad.data.sources import AudioSource
from fad.detector import build_detector
from fad.scoring import MAX_FRAMES, log_ratio, predict, score_waveform

CPU = torch.device("cpu")
TOGETHER_VS_ALONE = 1e-5  # on logits near 1


@pytest.fixture(scope="module")
def detector(mini_file):
    torch.manual_seed(0)
    return build_detector(load_config("lora"), mini_file)


@pytest.fixture(scope="module")
def source(tiny_dump, detector):
    config = detector.encoder.config
    return AudioSource(tiny_dump / "audio" / "train", config.grid, config.normalize)


def test_the_score_is_bonafide_minus_spoof():
    logits = np.array([[1.0, 3.0], [2.0, -1.0]], dtype=np.float32)
    assert log_ratio(logits).tolist() == [2.0, -3.0]
    assert tables.LABELS == ("spoof", "bonafide")


def test_logits_come_in_the_order_asked_for(detector, source):
    everything = predict(detector, source, list(range(8)), CPU)
    assert everything.shape == (8, 2)
    some = predict(detector, source, [6, 1, 2], CPU)
    assert np.abs(some - everything[[6, 1, 2]]).max() <= TOGETHER_VS_ALONE
    assert np.abs(everything[6] - everything[1]).max() > 100 * TOGETHER_VS_ALONE


def test_a_file_alone_scores_as_in_its_set(detector, source, tiny_dump):
    together = log_ratio(predict(detector, source, list(range(8)), CPU))
    paths = tables.read_wav_scp(tiny_dump / "audio" / "train" / "wav.scp")
    alone = [score_waveform(detector, read_audio(path), CPU) for path in paths.values()]
    assert together == pytest.approx(alone, abs=TOGETHER_VS_ALONE)


def test_batches_are_padded_here_so_that_the_test_above_means_something(source):
    lengths = [
        {source.frames[i] for i in batch} for batch in length_batches(source, range(8), MAX_FRAMES)
    ]
    assert any(len(found) > 1 for found in lengths)


def test_an_encoder_whose_frames_are_not_local_scores_one_at_a_time(detector, source, monkeypatch):
    sizes = []
    forward = type(detector).forward
    monkeypatch.setattr(
        type(detector), "forward", lambda self, x, *a: sizes.append(len(x)) or forward(self, x, *a)
    )
    predict(detector, source, list(range(4)), CPU)
    monkeypatch.setattr(detector.encoder, "local_frames", False, raising=False)
    predict(detector, source, list(range(4)), CPU)
    assert sizes == [4, 1, 1, 1, 1]


def test_scoring_puts_the_detector_in_eval_and_keeps_no_graph(detector, source):
    detector.train()
    logits = predict(detector, source, [0], CPU)
    assert not detector.training
    assert isinstance(logits, np.ndarray)


def test_nothing_to_score_is_nothing(detector, source):
    assert predict(detector, source, [], CPU).shape == (0, 2)
