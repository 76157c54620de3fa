"""`fad.bin.score` of folders, lists and windows, and its output as CSV and JSON."""

import csv
import io
import json
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from fad.bin import score
from fad.data import folders
from fad.utils.errors import FadError


@pytest.fixture
def folder(tmp_path):
    """Three clips at two depths, and a text."""
    (tmp_path / "clips/deep").mkdir(parents=True)
    for n, name in enumerate(("b.wav", "a.flac", "deep/c, c.wav"), start=1):
        noise = np.random.default_rng(n).normal(0, 0.1, 16_000 * n)
        soundfile.write(tmp_path / "clips" / name, noise, 16_000)
    (tmp_path / "clips/notes.txt").write_text("no audio")
    return tmp_path / "clips"


@pytest.fixture
def call(trained, capsys):
    def run(*words) -> str:
        score.main(["--model", str(trained), *map(str, words)])
        return capsys.readouterr().out

    return run


def test_a_folder_is_its_audio_at_any_depth_sorted(call, folder):
    names = ["a.flac", "b.wav", "deep/c, c.wav"]
    assert call(folder) == call(*(folder / name for name in names))


def test_a_list_is_its_paths(call, folder, tmp_path):
    (tmp_path / "list").write_text(f"{folder}/b.wav\n\n{folder}/a.flac\n")
    assert call("--list", tmp_path / "list") == call(folder / "b.wav", folder / "a.flac")


def test_csv_and_json_say_the_same_as_text(call, folder):
    expected = [line.split("\t") for line in call(folder).splitlines()]
    rows = list(csv.reader(io.StringIO(call("--format", "csv", folder))))
    assert rows == [["path", "score"], *expected]
    found = [json.loads(line) for line in call("--format", "json", folder).splitlines()]
    assert found == [{"path": path, "score": float(value)} for path, value in expected]


def test_each_window_is_scored_as_a_clip_of_its_own(call, folder, tmp_path):
    path = folder / "deep/c, c.wav"
    wav, _ = soundfile.read(path, dtype="int16")
    edges = [(0, 1.25), (1.25, 2.5), (1.75, 3)]  # the last ends with the clip
    for n, (start, end) in enumerate(edges):
        part = wav[round(16_000 * start) : round(16_000 * end)]
        soundfile.write(tmp_path / f"{n}.wav", part, 16_000)
    alone = [
        line.split("\t")[1]
        for line in call(*(tmp_path / f"{n}.wav" for n in range(3))).splitlines()
    ]
    found = [line.split("\t") for line in call("--window", "1.25", path).splitlines()]
    assert found == [
        [str(path), f"{start:.3f}", f"{end:.3f}", value]
        for (start, end), value in zip(edges, alone, strict=True)
    ]


def test_a_clip_shorter_than_a_window_is_one(call, folder):
    (line,) = call("--window", "60", folder / "b.wav").splitlines()
    assert line.split("\t")[1:3] == ["0.000", "1.000"]


def test_nothing_to_score_is_said(call, tmp_path):
    with pytest.raises(FadError, match="give audio files, a folder, or --list FILE"):
        call()
    with pytest.raises(FadError, match="list: cannot be read"):
        call("--list", tmp_path / "list")
    with pytest.raises(SystemExit):
        call("--window", "0", tmp_path)
    with pytest.raises(FadError, match=r"--window 0\.02: give at least 0\.025 seconds"):
        call("--window", "0.02", tmp_path)


def test_links_to_folders_are_followed_and_other_files_counted(call, folder, tmp_path, caplog):
    (folder / "deep").rename(tmp_path / "elsewhere")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "round").symlink_to(folder)
    paths = [line.split("\t")[0] for line in call(folder).splitlines()]
    assert paths == [str(folder / name) for name in ("a.flac", "b.wav", "link/c, c.wav")]
    assert "1 files not named like audio: 1 .txt" in caplog.text


def test_a_list_may_name_folders(call, folder, tmp_path):
    (tmp_path / "list").write_text(f"{folder}/deep\n{folder}/a.flac\n")
    assert call("--list", tmp_path / "list") == call(folder / "deep/c, c.wav", folder / "a.flac")


def test_a_folder_without_audio_is_named_and_the_rest_is_scored(call, folder, capsys, caplog):
    (folder / "empty").mkdir()
    with pytest.raises(FadError, match=r"^1 of 2 files have no score"):
        call(folder / "empty", folder / "b.wav")
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert "empty: has no file that is named like audio: give files" in caplog.text


def test_paths_that_cannot_be_are_bad_files(call, folder, capsys):
    os.mkfifo(folder / "fifo")
    (folder / "gone.wav").symlink_to("nowhere")
    odd = ["x" * 5000, "a/" * 2500, "\0", "/proc/self/mem", "/dev/zero", folder / "fifo"]
    with pytest.raises(FadError, match=r"^7 of 8 files have no score"):
        call(*odd, folder / "gone.wav", folder / "b.wav")
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [("\udcff.wav", r"\udcff.wav"), ("a\tb\n\x1b[31m.wav", r"a\tb\n\x1b[31m.wav")],
)
def test_an_odd_name_is_scored_and_adds_no_column_or_line(call, folder, name, shown):
    path = os.path.join(folder, name)
    shutil.copy(folder / "b.wav", path)
    expected = call(folder / "b.wav").replace("b.wav", shown)
    assert call(path) == expected
    assert json.loads(call("--format", "json", path))["path"] == path


def test_a_folder_that_cannot_be_listed_is_named_and_the_rest_is_scored(
    call, folder, capsys, caplog, monkeypatch
):
    walk = os.walk

    def closed(place, onerror, **how):
        if os.path.basename(place) == "deep":
            onerror(PermissionError(13, "Permission denied", str(place)))
        return walk(place, onerror=onerror, **how)

    monkeypatch.setattr(folders, "os", SimpleNamespace(path=os.path, walk=closed, sep=os.sep))
    with pytest.raises(FadError, match=r"^1 of 2 files have no score"):
        call(folder / "deep", folder / "b.wav")
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert "deep: cannot be listed (Permission denied)" in caplog.text
