"""Scores: their sign, and that neither order nor batch nor job matters."""

import numpy as np
import pytest
import torch

from fad.backends.pool import Pool
from fad.config.resolve import load_config
from fad.data import tables
from fad.data.audio import read_audio
from fad.data.batches import length_batches
from fad.data.sources import AudioSource
from fad.data.windows import MAX_FRAMES, windows
from fad.dump import features as frame_dump
from fad.dump.layout import Stored
from fad.dump.sources import FrameSource
from fad.inference import scoring
from fad.inference.scoring import score_utterances, score_waveform
from fad.models.detector import build_detector

CPU = torch.device("cpu")
TOGETHER_VS_ALONE = 1e-5  # on logits near 1


def log_ratio(logits: torch.Tensor) -> np.ndarray:
    """Bona fide minus spoof: (B, 2) -> (B,)."""
    spoof, bonafide = logits.numpy().T
    return bonafide - spoof


@pytest.fixture(scope="module")
def detector(mini_file):
    torch.manual_seed(0)
    return build_detector(load_config("lora"), mini_file)


@pytest.fixture(scope="module")
def source(tiny_dump, detector):
    encoder = detector.encoder
    return AudioSource(tiny_dump / "audio" / "train", encoder.grid, encoder.normalize)


def test_scores_come_in_the_order_asked_for(detector, source):
    everything = score_utterances(detector, source, list(range(8)), CPU)
    assert everything.shape == (8,)
    some = score_utterances(detector, source, [6, 1, 2], CPU)
    assert np.abs(some - everything[[6, 1, 2]]).max() <= TOGETHER_VS_ALONE
    assert np.abs(everything[6] - everything[1]).max() > 100 * TOGETHER_VS_ALONE


def test_a_file_alone_scores_as_in_its_set(detector, source, tiny_dump):
    together = score_utterances(detector, source, list(range(8)), CPU)
    paths = tables.read_wav_scp(tiny_dump / "audio" / "train" / "wav.scp")
    alone = [score_waveform(detector, read_audio(path), CPU) for path in paths.values()]
    assert together == pytest.approx(alone, abs=TOGETHER_VS_ALONE)


def test_batches_are_padded_here_so_that_the_test_above_means_something(source):
    batches = length_batches(source, range(8), MAX_FRAMES, Pool.equal_lengths)
    assert any(len({source.frames[i] for i in batch}) > 1 for batch in batches)


def test_an_encoder_whose_frames_are_not_local_scores_one_at_a_time(detector, source, monkeypatch):
    sizes = []
    forward = type(detector).outputs
    monkeypatch.setattr(
        type(detector), "outputs", lambda self, x, *a: sizes.append(len(x)) or forward(self, x, *a)
    )
    score_utterances(detector, source, list(range(4)), CPU)
    monkeypatch.setattr(detector.encoder, "local_frames", False, raising=False)
    score_utterances(detector, source, list(range(4)), CPU)
    assert sizes == [4, 1, 1, 1, 1]


def test_scoring_puts_the_detector_in_eval_and_keeps_no_graph(detector, source):
    detector.train()
    scores = score_utterances(detector, source, [0], CPU)
    assert not detector.training
    assert isinstance(scores, np.ndarray)


@pytest.fixture(params=["lora", "lora+aasist"])
def any_detector(request, mini_file):
    torch.manual_seed(0)
    return build_detector(load_config(request.param), mini_file).eval()


def test_an_utterance_that_fits_is_scored_whole_to_the_last_bit(any_detector, source):
    for index in (0, 2):
        wav = source.load(index)
        with torch.no_grad():
            whole = log_ratio(any_detector(wav[None], torch.tensor([len(wav)])))[0]
        assert np.array_equal(score_utterances(any_detector, source, [index], CPU)[0], whole)


def test_a_set_of_several_lengths_is_scored_as_each_alone(any_detector, source):
    together = score_utterances(any_detector, source, list(range(8)), CPU)
    alone = np.concatenate(
        [score_utterances(any_detector, source, [index], CPU) for index in range(8)]
    )
    assert np.abs(together - alone).max() <= TOGETHER_VS_ALONE
    assert np.abs(together[6] - together[1]).max() > 100 * TOGETHER_VS_ALONE


def test_a_long_utterance_is_the_mean_of_its_windows(any_detector, source, tiny_dump, monkeypatch):
    monkeypatch.setattr(scoring, "MAX_FRAMES", 100)
    wav, expected = source.load(2), []  # 224 frames
    for start, size in windows(224, 100):
        crop = wav[start * 320 : (start + size - 1) * 320 + 400]
        with torch.no_grad():
            expected.append(log_ratio(any_detector(crop[None], torch.tensor([len(crop)])))[0])
    assert len(expected) == 3
    found = score_utterances(any_detector, source, [2, 0], CPU)[0]
    assert found == pytest.approx(np.mean(expected), abs=1e-6)
    path = list(tables.read_wav_scp(tiny_dump / "audio" / "train" / "wav.scp").values())[2]
    score = score_waveform(any_detector, read_audio(path), CPU)
    assert score == pytest.approx(found, abs=1e-6)
    assert np.ptp(expected) > 1e-5  # the windows differ


def test_no_more_than_the_bound_reaches_the_encoder(detector, monkeypatch):
    sizes = []
    whole = type(detector.encoder).forward
    monkeypatch.setattr(
        type(detector.encoder),
        "forward",
        lambda self, x, *a: sizes.append(x.shape) or whole(self, x, *a),
    )
    three_minutes = np.random.default_rng(0).normal(0, 0.1, 180 * 16_000).astype(np.float32)
    score_waveform(detector, three_minutes, CPU)
    samples = (MAX_FRAMES - 1) * 320 + 400
    assert len(sizes) == 3
    assert all(batch == 1 and length <= samples for batch, length in sizes)


def test_long_or_short_stored_frames_score_as_their_audio(
    any_detector, source, tiny_dump, tmp_path, monkeypatch
):
    for module in (scoring, frame_dump):
        monkeypatch.setattr(module, "MAX_FRAMES", 210)  # of the clips some fit and some do not
    encoder = any_detector.encoder
    frames = Stored(0, 32, None, "float32")
    target = frame_dump.Target(frames, tmp_path, {})
    frame_dump.dump_job(encoder, source, [target], 1, 1)
    frame_dump.combine(source, target, 1)
    stored_frames = FrameSource([(frames, tmp_path)], tiny_dump / "audio" / "train", encoder.grid)
    everything = list(range(8))
    stored = score_utterances(any_detector, stored_frames, everything, CPU)
    assert np.array_equal(stored, score_utterances(any_detector, source, everything, CPU))


def test_nothing_to_score_is_nothing(detector, source):
    assert score_utterances(detector, source, [], CPU).shape == (0,)
