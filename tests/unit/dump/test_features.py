"""Frames dumped by jobs: the same matrices however they are shared, and what counts as done."""

import json
import logging
import shutil
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import torch

from fad.data import tables
from fad.data.sources import AudioSource
from fad.dump import features as frame_dump
from fad.dump import layout as stored
from fad.dump import shards
from fad.dump.features import Target
from fad.dump.layout import Stored
from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from fad.utils.errors import FadError

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
    return AudioSource(audio_dir, encoder.grid, normalize=True)


def dump_job(encoder, source, out, job, nj):
    frame_dump.dump_job(encoder, source, [Target(FRONTEND, out, ABOUT)], job, nj)


def combine(source, out, nj, about=ABOUT):
    frame_dump.combine(source, Target(FRONTEND, out, about), nj)


def dump(encoder, source, out, nj):
    for job in range(nj, 0, -1):  # in no order
        dump_job(encoder, source, out, job, nj)
    combine(source, out, nj)
    return out


def ark(number: int) -> str:
    return f"feats.{number:05d}.ark"


@pytest.fixture
def few_shards(monkeypatch):
    """The eight utterances in three shards."""
    monkeypatch.setattr(shards, "FEWEST", 3)


def contents(folder) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def matrices(out) -> dict[str, np.ndarray]:
    entries = tables.read_table(out / stored.FEATS)
    return {utt: kaldiio.load_mat(entry) for utt, entry in entries.items()}


def test_frames_are_those_of_the_utterances(encoder, source, tmp_path):
    found = matrices(dump(encoder, source, tmp_path, 2))
    assert list(found) == list(source.utts)
    assert [len(matrix) for matrix in found.values()] == list(source.frames)
    for index, matrix in enumerate(found.values()):
        with torch.no_grad():
            wav = source.load(index)
            expected = encoder.frontend(wav[None], torch.tensor([len(wav)]))[0][0]
        assert np.array_equal(matrix, expected.numpy())


def test_the_number_of_jobs_changes_no_byte(encoder, source, tmp_path, monkeypatch, few_shards):
    monkeypatch.chdir(tmp_path)  # entries hold the folder's path as it was given
    made = []
    for nj in (1, 2, 3, 7):  # with seven, four jobs have nothing to do
        out = dump(encoder, source, Path("out"), nj)
        made.append({path.name: path.read_bytes() for path in out.iterdir()})
        shutil.rmtree(out)
    assert sorted(made[0]) == ["encoder.json", ark(1), ark(2), ark(3), "feats.scp"]
    assert made.count(made[0]) == 4


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


def test_a_dump_made_again_has_the_same_files(encoder, source, tmp_path):
    first = {p.name: p.read_bytes() for p in dump(encoder, source, tmp_path / "a", 2).iterdir()}
    again = {p.name: p.read_bytes() for p in dump(encoder, source, tmp_path / "a", 2).iterdir()}
    assert first == again
    assert sorted(first) == ["encoder.json", *map(ark, range(1, 9)), "feats.scp"]


def test_what_is_of_no_shard_goes(encoder, source, tmp_path, few_shards):
    for name in (ark(4), "feats.1of2.ark", ".feats.scp.00004." + 16 * "a", ".feats.part99.scp"):
        (tmp_path / name).touch()
    dump(encoder, source, tmp_path, 1)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["encoder.json", ark(1), ark(2), ark(3), "feats.scp"]


def test_parts_go_before_the_arks_that_they_name(
    encoder, source, tmp_path, monkeypatch, few_shards
):
    part = tmp_path / f".feats.scp.00004.{16 * 'a'}"
    for path in (part, tmp_path / ark(4)):
        path.touch()
    there, unlink = [], Path.unlink

    def spy(path, **how):
        if path.suffix == ".ark" and path.exists():
            there.append(part.exists())
        unlink(path, **how)

    monkeypatch.setattr(Path, "unlink", spy)
    dump(encoder, source, tmp_path, 1)
    assert there == [False]


def test_the_first_job_says_what_the_dump_will_take_where_it_has_work(
    encoder, source, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    dump_job(encoder, source, tmp_path, 2, 2)
    assert "minutes" not in caplog.text
    dump_job(encoder, source, tmp_path, 1, 2)
    assert caplog.text.count("0.00 GB in about 0.0 minutes") == 1
    dump_job(encoder, source, tmp_path, 1, 2)
    assert caplog.text.count("minutes") == 1


@pytest.fixture
def encoded(monkeypatch) -> list[int]:
    """Which utterances frames are computed of, as it happens."""
    found = []
    frames = frame_dump._frames

    def spy(encoder, source, index, kinds):
        found.append(index)
        return frames(encoder, source, index, kinds)

    monkeypatch.setattr(frame_dump, "_frames", spy)
    return found


def test_what_a_killed_job_finished_is_not_done_again(
    encoder, source, tmp_path, encoded, caplog, few_shards
):
    unbroken = contents(dump(encoder, source, tmp_path, 1))
    shutil.rmtree(tmp_path)
    dump_job(encoder, source, tmp_path, 1, 3)
    (tmp_path / ark(2)).write_bytes(b"of a shard that has no part")
    encoded.clear()
    with caplog.at_level(logging.INFO):
        dump_job(encoder, source, tmp_path, 1, 1)
    assert encoded == [3, 4, 5, 6, 7]  # all but the first shard's
    assert "job 1 of 1: 1 of its 3 shards are done already" in caplog.text
    encoded.clear()
    (tmp_path / ark(1)).unlink()
    dump_job(encoder, source, tmp_path, 1, 1)
    assert encoded == [0, 1, 2]
    encoded.clear()
    dump_job(encoder, source, tmp_path, 1, 1)
    assert encoded == []
    combine(source, tmp_path, 1)
    assert contents(tmp_path) == unbroken


@pytest.mark.parametrize("change", [{"sha256": "cd" * 32}, {"audio": "34" * 32}])
def test_parts_of_something_else_are_not_joined_and_go(
    change, encoder, source, tmp_path, encoded, few_shards
):
    other = {**ABOUT, **change}
    for job in (1, 2):
        frame_dump.dump_job(encoder, source, [Target(FRONTEND, tmp_path, other)], job, 2)
    before = contents(tmp_path)
    with pytest.raises(
        FadError, match=r"3 of 3 shards are missing, or were .*: jobs 1, 2 of 2 must be run again"
    ):
        combine(source, tmp_path, 2)
    assert contents(tmp_path) == before  # they serve whoever goes on with them
    encoded.clear()
    dump_job(encoder, source, tmp_path, 1, 2)
    assert encoded == [0, 1, 2, 5, 6, 7]
    with pytest.raises(FadError, match=r"2 of 3 shards are missing.*: job 1 of 2"):
        combine(source, tmp_path, 2, other)  # whose arks are written over
    dump_job(encoder, source, tmp_path, 2, 2)
    combine(source, tmp_path, 2)
    assert stored.is_complete(tmp_path, ABOUT)
    assert list(tmp_path.glob(".*")) == []


def test_only_the_kinds_that_lack_a_shard_are_computed(encoder, source, tmp_path, few_shards):
    targets = [
        Target(Stored(number, 48, 51, "float32"), tmp_path / f"{number}", ABOUT)
        for number in (1, 2)
    ]
    frame_dump.dump_job(encoder, source, targets, 1, 1)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.ark")}
    unbroken = contents(tmp_path)
    next((tmp_path / "2").glob(".feats.scp.00002.*")).unlink()
    frame_dump.dump_job(encoder, source, targets, 1, 1)
    again = [path for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert again == [tmp_path / "2" / ark(2)]
    assert contents(tmp_path) == unbroken


def test_encoder_json_says_of_what_the_frames_are(encoder, source, tmp_path):
    out = dump(encoder, source, tmp_path, 1)
    assert json.loads((out / stored.ENCODER).read_text()) == ABOUT


def test_a_dump_is_complete_only_when_joined(encoder, source, tmp_path):
    assert not stored.is_complete(tmp_path, ABOUT)
    dump_job(encoder, source, tmp_path, 1, 1)
    assert not stored.is_complete(tmp_path, ABOUT)
    combine(source, tmp_path, 1)
    assert stored.is_complete(tmp_path, ABOUT)


def test_a_dump_begun_anew_is_not_complete(encoder, source, tmp_path):
    dump(encoder, source, tmp_path, 1)
    dump_job(encoder, source, tmp_path, 1, 2)
    assert not stored.is_complete(tmp_path, ABOUT)


def test_a_dump_without_its_ark_is_not_complete(encoder, source, tmp_path):
    dump(encoder, source, tmp_path, 2)
    (tmp_path / ark(2)).unlink()
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
    with pytest.raises(FadError, match=r"4 of 8 shards are missing.*: job 2 of 2 must be run"):
        combine(source, tmp_path, 2)
    assert not (tmp_path / stored.ENCODER).exists()


def test_a_job_that_is_killed_leaves_no_ark(encoder, source, tmp_path, monkeypatch):
    frames = frame_dump._frames

    def killed(encoder, source, index, kinds):
        if index == 1:
            raise KeyboardInterrupt
        return frames(encoder, source, index, kinds)

    monkeypatch.setattr(shards, "FEWEST", 3)
    monkeypatch.setattr(frame_dump, "_frames", killed)
    with pytest.raises(KeyboardInterrupt):
        dump_job(encoder, source, tmp_path, 1, 1)
    assert list(tmp_path.iterdir()) == []


def test_blocks_are_made_in_one_go_and_whole_recordings_in_the_windows_of_scoring(
    encoder, source, tmp_path, monkeypatch
):
    monkeypatch.setattr(frame_dump, "MAX_FRAMES", 150)
    targets = [
        Target(Stored(number, 48, None, "float32"), tmp_path / f"{number}", ABOUT)
        for number in (1, 2)
    ]
    frame_dump.dump_job(encoder, source, targets, 1, 1)
    for number, target in enumerate(targets, start=1):
        frame_dump.combine(source, target, 1)
        found = matrices(target.out)[source.utts[2]]
        parts = [source.load_crop(2, start, 112) for start in (0, 112)]  # 224 frames in two windows
        with torch.no_grad():
            outputs = [encoder(part[None], torch.tensor([len(part)]))[0] for part in parts]
        expected = torch.cat([output[number - 1][0] for output in outputs])
        assert np.array_equal(found, expected.numpy())


def test_what_float16_cannot_hold_is_refused_and_named(encoder, source, tmp_path, monkeypatch):
    huge = [torch.full((201, 48), 1e5)]
    monkeypatch.setattr(frame_dump, "_encode", lambda *_: huge)
    targets = [Target(Stored(1, 48, 201, "float16"), tmp_path, ABOUT)]
    with pytest.raises(FadError, match=r"train-000: block1-first201-float16 does not fit"):
        frame_dump.dump_job(encoder, source, targets, 1, 1)
    assert list(tmp_path.iterdir()) == []
