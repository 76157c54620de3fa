"""Frames dumped by jobs: the same matrices however they are shared, and what counts as done."""

import json

import kaldiio
import numpy as np
import pytest

from fad.data import frame_dump, tables
from fad.data.fingerprint import fingerprint
from fad.data.sources import AudioSource
from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from fad.errors import FadError

CROPPED = 2e-6  # of the largest frame; see the tests of the encoder
ABOUT = {
    "pretrained": "mini",
    "sha256": "ab" * 32,
    "boundary": "frontend",
    "dtype": "float32",
    "audio": "12" * 32,
}


@pytest.fixture(scope="module")
def encoder(mini_file):
    return load_xlsr(read_checkpoint(mini_file)).eval()


@pytest.fixture(scope="module")
def audio_dir(tiny_dump):
    return tiny_dump / "audio" / "train"


@pytest.fixture(scope="module")
def source(audio_dir, encoder):
    return AudioSource(audio_dir, encoder.config.grid, normalize=True)


def dump(encoder, source, out, nj):
    for job in range(nj, 0, -1):  # in no order
        frame_dump.dump_job(encoder, source, out, job, nj)
    frame_dump.combine(source, out, nj, ABOUT)
    return out


def matrices(out) -> dict[str, np.ndarray]:
    entries = tables.read_table(out / frame_dump.FEATS)
    return {utt: kaldiio.load_mat(entry) for utt, entry in entries.items()}


def test_three_jobs_or_ten_give_what_one_gives(encoder, source, tmp_path):
    one = matrices(dump(encoder, source, tmp_path / "1", 1))
    assert list(one) == source.utts
    assert [len(matrix) for matrix in one.values()] == source.frames
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
    frame_dump.estimate(encoder, source, nj=1)
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
    assert json.loads((out / frame_dump.ENCODER).read_text()) == ABOUT


def test_the_description_names_the_file_and_the_audio(tiny_dump):
    audio = [tiny_dump / "audio" / name for name in ("train", "dev")]
    one, other = (frame_dump.description("where/mini.pt", "ab" * 32, path) for path in audio)
    assert one == {**ABOUT, "audio": fingerprint(audio[0])}
    assert one["audio"] != other["audio"]


def test_a_dump_is_complete_only_when_joined(encoder, source, tmp_path):
    assert not frame_dump.is_complete(tmp_path, ABOUT)
    frame_dump.dump_job(encoder, source, tmp_path, 1, 1)
    assert not frame_dump.is_complete(tmp_path, ABOUT)
    frame_dump.combine(source, tmp_path, 1, ABOUT)
    assert frame_dump.is_complete(tmp_path, ABOUT)


def test_a_dump_begun_anew_is_not_complete(encoder, source, tmp_path):
    dump(encoder, source, tmp_path, 1)
    frame_dump.dump_job(encoder, source, tmp_path, 1, 2)
    assert not frame_dump.is_complete(tmp_path, ABOUT)


def test_a_dump_without_its_ark_is_not_complete(encoder, source, tmp_path):
    dump(encoder, source, tmp_path, 2)
    (tmp_path / "feats.2of2.ark").unlink()
    assert not frame_dump.is_complete(tmp_path, ABOUT)


def test_frames_of_other_audio_are_not_complete(encoder, source, tmp_path):
    dump(encoder, source, tmp_path, 1)
    assert not frame_dump.is_complete(tmp_path, {**ABOUT, "audio": "34" * 32})


def test_frames_of_another_pretrained_file_are_refused(encoder, source, tmp_path):
    dump(encoder, source, tmp_path, 1)
    other = {**ABOUT, "sha256": "cd" * 32}
    with pytest.raises(FadError, match=r"ababababab.*, not cdcdcdcd.*remove it"):
        frame_dump.is_complete(tmp_path, other)


def test_joining_before_all_jobs_have_run_names_the_one(encoder, source, tmp_path):
    frame_dump.dump_job(encoder, source, tmp_path, 1, 2)
    with pytest.raises(FadError, match="job 2 of 2 has not finished: run it again"):
        frame_dump.combine(source, tmp_path, 2, ABOUT)
    assert not (tmp_path / frame_dump.ENCODER).exists()


def test_a_job_that_is_killed_leaves_no_ark(encoder, source, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(frame_dump, "_frames", killed)
    with pytest.raises(KeyboardInterrupt):
        frame_dump.dump_job(encoder, source, tmp_path, 1, 1)
    assert list(tmp_path.iterdir()) == []


def test_the_estimate_is_the_size_that_is_written(encoder, source, tmp_path):
    gigabytes, seconds = frame_dump.estimate(encoder, source, nj=2)
    out = dump(encoder, source, tmp_path, 1)
    written = sum(path.stat().st_size for path in out.glob("*.ark")) / 1e9
    assert gigabytes == pytest.approx(written, rel=0.01)
    assert seconds > 0


def test_the_directory_is_named_after_boundary_and_file(tmp_path):
    found = frame_dump.dump_dir(tmp_path, "some/where/xlsr2_300m.pt", "asvspoof2021_df/eval")
    assert found == tmp_path / "frontend-xlsr2_300m" / "asvspoof2021_df" / "eval"


def test_a_hugging_face_model_is_named_by_its_folder_whole(tmp_path, monkeypatch):
    model = tmp_path / "wav2vec2.0-x"
    model.mkdir()
    given = [model, f"{model}/", model / "model.safetensors", model / "pytorch_model.bin"]
    given += [model / "model.safetensors.index.json", f"{model}/../wav2vec2.0-x"]
    names = {frame_dump.dump_dir(tmp_path, path, "dev").parent.name for path in given}
    monkeypatch.chdir(model)
    names |= {frame_dump.dump_dir(tmp_path, path, "dev").parent.name for path in (".", "./")}
    assert names == {"frontend-wav2vec2.0-x-hf"}
    # fairseq's file of the same name is another model's, perhaps
    file = frame_dump.dump_dir(tmp_path, f"{model}.pt", "dev").parent.name
    assert file == "frontend-wav2vec2.0-x"
