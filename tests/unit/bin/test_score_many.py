"""`fad.bin.score` of folders, lists and windows, and its output as CSV and JSON."""

import csv
import io
import json

import numpy as np
import pytest
import soundfile

from fad.bin import score
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
    with pytest.raises(FadError, match="has no file that is named like audio"):
        call(tmp_path)
    with pytest.raises(FadError, match="list: cannot be read"):
        call("--list", tmp_path / "list")
    with pytest.raises(SystemExit):
        call("--window", "0", tmp_path)
