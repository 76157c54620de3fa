"""Frames dumped by jobs: the same matrices however they are shared, and what counts as done."""

import json

import kaldiio
import numpy as np
import pytest
import torch

from fad.data import frame_dump, stored, tables
from fad.data.frame_dump import Target
from fad.data.sources import AudioSource
from fad.data.stored import Stored
from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from fad.errors import FadError

CROPPED = 2e-6  # of the largest frame; see the tests of the encoder
ABOUT = {
    "pretrained": "mini",
    "sha256": "ab" * 32,
    "boundary": "frontend",
    "crop_frames": None,
    "dtype": "float32",
    "audio": "12" * 32,
}


FRONTEND = Stored(0, 32, None, "float32")


@pytest.fixture(scope="module")
def encoder(mini_file):
    return load_xlsr(read_checkpoint(mini_file)).eval()


@pytest.fixture(scope="module")
def audio_dir(tiny_dump):
    return tiny_dump / "audio" / "train"


@pytest.fixture(scope="module")
def source(audio_dir, encoder):
    return AudioSource(audio_dir, encoder.config.grid, normalize=True)


def dump_job(encoder, source, out, job, nj):
    frame_dump.dump_job(encoder, source, [Target(FRONTEND, out)], job, nj)


def dump(encoder, source, out, nj):
    for job in range(nj, 0, -1):  # in no order
        dump_job(encoder, source, out, job, nj)
    frame_dump.combine(source, out, nj, ABOUT)
    return out


def matrices(out) -> dict[str, np.ndarray]:
    entries = tables.read_table(out / stored.FEATS)
    return {utt: kaldiio.load_mat(entry) for utt, entry in entries.items()}


def test_three_jobs_or_ten_give_what_one_gives(encoder, source, tmp_path):
    one = matrices(dump(encoder, source, tmp_path / "1", 1))
    assert list(one) == list(source.utts)
    assert [len(matrix) for matrix in one.values()] == list(source.frames)
    for nj in (3, 10):  # with ten, two jobs have nothing to do
        other = matrices(dump(encoder, source, tmp_path / str(nj), nj))
        assert list(other) == list(one)
        for utt, matrix in one.items():
            assert matrix.dtype == np.float32
            assert np.array_equal(matrix, other[utt])


def test_long_recordings_are_taken_in_windows(encoder, source, tmp_path, monkeypatch):
    whole = matrices(dump(encoder, source, tmp_path / "whole", 1))
    sizes = []
    frontend = type(encoder).frontend
    monkeypatch.setattr(
        type(encoder),
        "frontend",
        lambda self, x, *a: sizes.append(x.shape) or frontend(self, x, *a),
    )
    monkeypatch.setattr(frame_dump, "MAX_FRAMES", 90)
    parts = matrices(dump(encoder, source, tmp_path / "parts", 1))
    assert {batch for batch, _ in sizes} == {1}
    assert max(length for _, length in sizes) <= 89 * 320 + 400
    for utt, matrix in whole.items():
        assert parts[utt].shape == matrix.shape
        assert np.abs(parts[utt] - matrix).max() <= CROPPED * np.abs(matrix).max()


def test_the_estimate_does_not_decode_the_longest(encoder, source, monkeypatch):
    loaded = []
    load = type(source).load
    monkeypatch.setattr(type(source), "load", lambda self, i: loaded.append(i) or load(self, i))
    frame_dump.estimate(encoder, source, [FRONTEND], nj=1)
    assert max(source.frames[index] for index in loaded) < max(source.frames)


def test_a_dump_made_again_has_the_same_files(encoder, source, tmp_path):
    first = {p.name: p.read_bytes() for p in dump(encoder, source, tmp_path / "a", 2).iterdir()}
    again = {p.name: p.read_bytes() for p in dump(encoder, source, tmp_path / "a", 2).iterdir()}
    assert first == again
    assert sorted(first) == ["encoder.json", "feats.1of2.ark", "feats.2of2.ark", "feats.scp"]


def test_another_number_of_jobs_leaves_nothing_of_the_first(encoder, source, tmp_path):
    dump(encoder, source, tmp_path, 3)
    dump(encoder, source, tmp_path, 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "encoder.json",
        "feats.1of1.ark",
        "feats.scp",
    ]


def test_encoder_json_says_of_what_the_frames_are(encoder, source, tmp_path):
    out = dump(encoder, source, tmp_path, 1)
    assert json.loads((out / stored.ENCODER).read_text()) == ABOUT


def test_the_description_names_the_file_and_the_audio():
    assert stored.description("where/mini.pt", "ab" * 32, FRONTEND, "12" * 32) == ABOUT
    block = stored.description("mini.pt", "ab" * 32, Stored(12, 48, 201, "float16"), "34" * 32)
    assert block == {
        **ABOUT,
        "boundary": "block:12",
        "crop_frames": 201,
        "dtype": "float16",
        "audio": "34" * 32,
    }


def test_a_dump_is_complete_only_when_joined(encoder, source, tmp_path):
    assert not stored.is_complete(tmp_path, ABOUT)
    dump_job(encoder, source, tmp_path, 1, 1)
    assert not stored.is_complete(tmp_path, ABOUT)
    frame_dump.combine(source, tmp_path, 1, ABOUT)
    assert stored.is_complete(tmp_path, ABOUT)


def test_a_dump_begun_anew_is_not_complete(encoder, source, tmp_path):
    dump(encoder, source, tmp_path, 1)
    dump_job(encoder, source, tmp_path, 1, 2)
    assert not stored.is_complete(tmp_path, ABOUT)


def test_a_dump_without_its_ark_is_not_complete(encoder, source, tmp_path):
    dump(encoder, source, tmp_path, 2)
    (tmp_path / "feats.2of2.ark").unlink()
    assert not stored.is_complete(tmp_path, ABOUT)


def test_frames_of_other_audio_are_not_complete(encoder, source, tmp_path):
    dump(encoder, source, tmp_path, 1)
    assert not stored.is_complete(tmp_path, {**ABOUT, "audio": "34" * 32})


def test_frames_of_another_pretrained_file_are_not_taken_and_not_written_over(
    encoder, source, tmp_path
):
    dump(encoder, source, tmp_path, 1)
    other = {**ABOUT, "sha256": "cd" * 32}
    assert not stored.is_complete(tmp_path, other)
    stored.check_owner(tmp_path, {**ABOUT, "audio": "34" * 32})
    with pytest.raises(FadError, match=r"ababababab.*, not cdcdcdcd.*remove it"):
        stored.check_owner(tmp_path, other)


def test_joining_before_all_jobs_have_run_names_the_one(encoder, source, tmp_path):
    dump_job(encoder, source, tmp_path, 1, 2)
    with pytest.raises(FadError, match="job 2 of 2 has not finished: run it again"):
        frame_dump.combine(source, tmp_path, 2, ABOUT)
    assert not (tmp_path / stored.ENCODER).exists()


def test_a_job_that_is_killed_leaves_no_ark(encoder, source, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(frame_dump, "_frames", killed)
    with pytest.raises(KeyboardInterrupt):
        dump_job(encoder, source, tmp_path, 1, 1)
    assert list(tmp_path.iterdir()) == []


def test_blocks_are_made_in_one_go_and_whole_recordings_in_the_windows_of_scoring(
    encoder, source, tmp_path, monkeypatch
):
    monkeypatch.setattr(frame_dump, "MAX_FRAMES", 150)
    targets = [
        Target(Stored(number, 48, None, "float32"), tmp_path / f"{number}") for number in (1, 2)
    ]
    frame_dump.dump_job(encoder, source, targets, 1, 1)
    for number, target in enumerate(targets, start=1):
        frame_dump.combine(source, target.out, 1, ABOUT)
        found = matrices(target.out)[source.utts[2]]
        parts = [source.load_crop(2, start, 112) for start in (0, 112)]  # 224 frames in two windows
        with torch.no_grad():
            outputs = [encoder(part[None], torch.tensor([len(part)]))[0] for part in parts]
        expected = torch.cat([output[number - 1][0] for output in outputs])
        assert np.array_equal(found, expected.numpy())


def test_what_does_not_fit_into_float16_is_refused_and_named(
    encoder, source, tmp_path, monkeypatch
):
    huge = [torch.full((201, 48), 1e5)]
    monkeypatch.setattr(frame_dump, "_encode", lambda *_: huge)
    targets = [Target(Stored(1, 48, 201, "float16"), tmp_path)]
    with pytest.raises(FadError, match=r"train-000: block1-first201-float16 does not fit"):
        frame_dump.dump_job(encoder, source, targets, 1, 1)
    assert list(tmp_path.iterdir()) == []


def test_the_estimate_is_the_size_that_is_written(encoder, source, tmp_path):
    gigabytes, seconds = frame_dump.estimate(encoder, source, [FRONTEND], nj=2)
    out = dump(encoder, source, tmp_path, 1)
    written = sum(path.stat().st_size for path in out.glob("*.ark")) / 1e9
    assert gigabytes == pytest.approx(written, rel=0.01)
    assert seconds > 0


def test_the_directory_is_named_after_boundary_and_file(tmp_path):
    found = stored.dump_dir(tmp_path, "some/where/xlsr2_300m.pt", FRONTEND, "asvspoof2021_df/eval")
    assert found == tmp_path / "frontend-xlsr2_300m" / "asvspoof2021_df" / "eval"
    assert stored.dump_dir(tmp_path, "x.pt", Stored(7, 48, 201, "float16"), "eval") == (
        tmp_path / "block7-first201-float16-x" / "eval"
    )


def test_a_hugging_face_model_is_named_by_its_folder_whole(tmp_path, monkeypatch):
    model = tmp_path / "wav2vec2.0-x"
    model.mkdir()
    given = [model, f"{model}/", model / "model.safetensors", model / "pytorch_model.bin"]
    given += [model / "model.safetensors.index.json", f"{model}/../wav2vec2.0-x"]
    names = {stored.dump_dir(tmp_path, path, FRONTEND, "dev").parent.name for path in given}
    monkeypatch.chdir(model)
    names |= {stored.dump_dir(tmp_path, path, FRONTEND, "dev").parent.name for path in (".", "./")}
    assert names == {"frontend-wav2vec2.0-x-hf"}
    # fairseq's file of the same name is another model's, perhaps
    file = stored.dump_dir(tmp_path, f"{model}.pt", FRONTEND, "dev").parent.name
    assert file == "frontend-wav2vec2.0-x"
