"""Utterances from audio and from stored frames: the same ones, the same crops."""

import gc
import os

import kaldiio
import numpy as np
import pytest
import torch

from fad.data import tables
from fad.data.audio import read_audio
from fad.data.sources import AudioSource, WaveformSource
from fad.data.waveform import prepare_waveform
from fad.dump import sources as stored
from fad.dump.features import Target, combine, dump_job
from fad.dump.layout import Stored
from fad.dump.sources import FrameSource
from fad.encoders.boundary import NONE, block
from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from fad.encoders.frame_grid import FrameGrid
from fad.utils.errors import FadError

CROPPED = 2e-6  # of the largest frame; see the tests of the encoder
FRAMES = Stored(0, 32, None, "float32")


@pytest.fixture(scope="module")
def encoder(mini_file):
    return load_xlsr(read_checkpoint(mini_file)).eval()


@pytest.fixture(scope="module")
def audio(tiny_dump, encoder):
    return AudioSource(tiny_dump / "audio" / "train", encoder.grid, normalize=True)


@pytest.fixture
def frame_dir(tmp_path, audio, encoder):
    target = Target(FRAMES, tmp_path / "frames", {"sha256": "x"})
    dump_job(encoder, audio, [target], 1, 1)
    combine(audio, target, 1)
    return tmp_path / "frames"


def test_utterances_are_prepared_and_counted_in_frames(audio, tiny_dump):
    paths = tables.read_wav_scp(tiny_dump / "audio" / "train" / "wav.scp")
    assert list(audio.utts) == list(paths)
    assert list(audio.frames) == [201, 201, 224, 201] * 2  # (72,000 - 400) // 320 + 1 = 224
    expected = prepare_waveform(read_audio(paths[audio.utts[2]]), True)
    assert torch.equal(audio.load(2), expected)


def test_stored_frames_are_the_frontends(audio, frame_dir, encoder, tiny_dump):
    frames = FrameSource([(FRAMES, frame_dir)], tiny_dump / "audio" / "train", encoder.grid)
    assert list(frames.utts) == list(audio.utts)
    assert frames.frames == audio.frames
    for index in (0, 2):
        wav = audio.load(index)
        with torch.no_grad():
            expected, _ = encoder.frontend(wav[None], torch.tensor([len(wav)]))
        assert torch.equal(frames.load(index), expected[0])


@pytest.mark.parametrize(("start", "size"), [(0, 201), (23, 201), (5, 51)])
def test_a_crop_of_audio_gives_the_crop_of_frames(
    audio, frame_dir, encoder, tiny_dump, start, size
):
    frames = FrameSource([(FRAMES, frame_dir)], tiny_dump / "audio" / "train", encoder.grid)
    samples = audio.crop(audio.load(2), start, size)
    assert len(samples) == (size - 1) * 320 + 400
    with torch.no_grad():
        ours, _ = encoder.frontend(samples[None], torch.tensor([len(samples)]))
    stored = frames.crop(frames.load(2), start, size)
    assert ours[0].shape == stored.shape == (size, 32)
    assert (ours[0] - stored).abs().max() <= CROPPED * stored.max()


@pytest.mark.parametrize(("start", "size"), [(0, 201), (23, 201), (5, 51), (200, 300)])
def test_a_crop_loaded_alone_is_the_crop_of_the_whole(
    audio, frame_dir, encoder, tiny_dump, start, size
):
    frames = FrameSource([(FRAMES, frame_dir)], tiny_dump / "audio" / "train", encoder.grid)
    for source in (audio, frames):
        whole = source.crop(source.load(2), start, size)
        assert torch.equal(source.load_crop(2, start, size), whole)
        assert len(whole) > 0


def test_a_crop_of_frames_reads_its_rows_alone(frame_dir, encoder, tiny_dump, monkeypatch):
    read = []
    plain = stored.read_matrix
    monkeypatch.setattr(stored, "read_matrix", lambda *a: read.append(a[2]) or plain(*a))
    frames = FrameSource([(FRAMES, frame_dir)], tiny_dump / "audio" / "train", encoder.grid)
    frames.load_crop(2, 5, 51)
    assert read == [range(5, 56)]


def test_a_waveform_in_memory_is_a_source_of_one(audio, encoder, tiny_dump):
    path = tables.read_wav_scp(tiny_dump / "audio" / "train" / "wav.scp")[audio.utts[2]]
    alone = WaveformSource(read_audio(path), encoder.grid, normalize=True)
    assert (list(alone.frames), len(alone.utts), alone.boundary) == ([224], 1, NONE)
    assert torch.equal(alone.load(0), audio.load(2))
    assert torch.equal(alone.load_crop(0, 3, 9), audio.load_crop(2, 3, 9))


def test_what_is_loaded_leaves_no_file_open(audio, frame_dir, encoder, tiny_dump):
    before = len(os.listdir("/proc/self/fd"))
    frames = FrameSource([(FRAMES, frame_dir)], tiny_dump / "audio" / "train", encoder.grid)
    for source in (audio, frames):
        kept = [source.load(index) for index in range(len(source.utts))]
        assert len(kept) == 8 and len(os.listdir("/proc/self/fd")) == before


def test_frames_of_other_audio_are_refused_by_their_shape(frame_dir, tiny_dump, encoder):
    ark, table = frame_dir / "other.ark", tables.read_table(frame_dir / "feats.scp")
    kaldiio.save_ark(str(ark), {"train-000": np.zeros((200, 32), np.float32)})
    table["train-000"] = f"{ark}:{len('train-000') + 1}"
    tables.write_table(frame_dir / "feats.scp", table)
    source = FrameSource([(FRAMES, frame_dir)], tiny_dump / "audio" / "train", encoder.grid)
    with pytest.raises(
        FadError, match=r"not a float32 matrix of shape \(201, 32\).*run stage 2 again"
    ):
        source.load(0)


def test_frames_cut_short_are_refused_with_the_remedy(frame_dir, tiny_dump, encoder):
    first, *_, last = sorted(frame_dir.glob("*.ark"))
    last.write_bytes(last.read_bytes()[:-1000])
    source = FrameSource([(FRAMES, frame_dir)], tiny_dump / "audio" / "train", encoder.grid)
    source.load(0)
    with pytest.raises(FadError, match=r"cut short; remove it and run stage 2 again"):
        source.load(7)
    first.unlink()
    with pytest.raises(FadError, match=r"No such file or directory; run stage 2 again"):
        source.load(0)


def test_frames_of_other_utterances_are_refused(frame_dir, tiny_dump, encoder):
    with pytest.raises(FadError, match=r"different keys"):
        FrameSource([(FRAMES, frame_dir)], tiny_dump / "audio" / "dev", encoder.grid)


def test_a_pipe_in_feats_scp_is_refused_and_not_run(frame_dir, tiny_dump, encoder):
    canary = frame_dir / "canary"
    table = tables.read_table(frame_dir / "feats.scp")
    table["train-000"] = f"touch {canary} |"
    tables.write_table(frame_dir / "feats.scp", table)
    with pytest.raises(FadError, match=r"is a pipe, which is never run"):
        FrameSource([(FRAMES, frame_dir)], tiny_dump / "audio" / "train", encoder.grid)
    assert not canary.exists()


def test_a_bad_length_in_utt2num_samples_is_refused(tmp_path, encoder):
    (tmp_path / "wav.scp").write_text("a a.wav\n")
    (tmp_path / "utt2digest").write_text(f"a {32 * 'a'}\n")
    (tmp_path / "utt2num_samples").write_text("a many\n")
    with pytest.raises(FadError, match=r"utt2num_samples.*'many'"):
        AudioSource(tmp_path, encoder.grid, normalize=True)
    (tmp_path / "utt2num_samples").write_text("b 5\n")
    with pytest.raises(FadError, match=r"different keys"):
        AudioSource(tmp_path, encoder.grid, normalize=True)


def test_outputs_of_blocks_lie_beside_each_other(audio, encoder, tiny_dump, tmp_path):
    kinds = [Stored(number, 48, 51, dtype) for number, dtype in ((1, "float32"), (2, "float16"))]
    targets = [Target(kind, tmp_path / kind.name, {"sha256": "x"}) for kind in kinds]
    dump_job(encoder, audio, targets, 1, 1)
    for target in targets:
        combine(audio, target, 1)
    folders = [(target.kind, target.out) for target in targets]
    stored = FrameSource(folders, tiny_dump / "audio" / "train", encoder.grid)
    assert (stored.boundary, list(stored.frames)) == (block(2), [51] * len(audio.utts))
    wav = audio.load_crop(2, 0, 51)
    with torch.no_grad():
        expected, _ = encoder(wav[None], torch.tensor([len(wav)]))
    found = stored.load(2)
    assert found.shape == (51, 2, 48)
    assert torch.equal(found[:, 0], expected[0][0])
    assert torch.equal(found[:, 1], expected[1][0].half().float())
    assert torch.equal(stored.load_crop(2, 0, 9), found[:9])


def objects(source) -> int:
    """How many objects a source holds, its own and theirs."""
    found, new = {id(source): source}, [source]
    while new:
        new = [one for one in gc.get_referents(*new) if id(one) not in found]
        new = [one for one in new if not isinstance(one, type)]
        found |= {id(one): one for one in new}
    return len(found)


def test_a_source_of_many_utterances_has_no_more_objects_than_one_of_few(tmp_path):
    """Or each data worker would have a copy of them, as reading one writes to its memory."""
    counts = []
    for size in (10, 500):
        audio_dir, frame_dir = tmp_path / f"audio{size}", tmp_path / f"frames{size}"
        utts = [f"u{n:03d}" for n in range(size)]
        for path, value in (
            (audio_dir / "wav.scp", "/audio/{}.flac"),
            (audio_dir / "utt2num_samples", "7{}"),
            (audio_dir / "utt2digest", 29 * "a" + "{}"),
            (frame_dir / "feats.scp", "/dump/feats.1of1.ark:{}"),
        ):
            tables.write_table(path, {utt: value.format(utt[1:]) for utt in utts})
        grid = FrameGrid(((32, 10, 5),))
        frames = FrameSource([(FRAMES, frame_dir)], audio_dir, grid)
        counts.append([objects(AudioSource(audio_dir, grid, normalize=True)), objects(frames)])
    assert counts[0] == counts[1]
