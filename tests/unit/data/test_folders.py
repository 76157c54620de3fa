"""The audio files below a folder: none is lost without a word, none comes twice."""

import logging
from collections import Counter

import pytest

from fad.data.folders import audio_below, warn_of_ignored
from fad.utils.errors import FadError


def names(folder, ignored=None):
    ignored = Counter() if ignored is None else ignored
    return [str(path.relative_to(folder)) for path in audio_below(folder, ignored)]


@pytest.fixture
def folder(tmp_path):
    for name in ("in/b/2.wav", "in/b/1.FLAC", "in/a/x.opus", "in/c.mp3", "out/o.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path / "in"


def test_they_come_in_the_order_of_names(folder):
    assert names(folder) == ["c.mp3", "a/x.opus", "b/1.FLAC", "b/2.wav"]


def test_links_to_folders_are_followed_once_and_loops_end(folder):
    for link, target in {"d": "../out", "e": "../out", "a/up": "..", "b/same": "."}.items():
        (folder / link).symlink_to(target)
    assert names(folder) == ["c.mp3", "a/x.opus", "b/1.FLAC", "b/2.wav", "d/o.wav"]


def test_a_folder_that_is_a_link_itself_is_read(folder):
    (folder.parent / "link").symlink_to("in")
    assert len(names(folder.parent / "link")) == 4


def test_a_link_without_a_target_is_not_left_out(folder):
    (folder / "gone.wav").symlink_to("nowhere")
    assert "gone.wav" in names(folder)


def test_what_is_not_named_like_audio_is_counted(folder, caplog):
    for name in ("a.txt", "b.txt", "c.txt", "README", "._c.wav", ".DS_Store"):
        (folder / name).touch()
    ignored = Counter()
    assert len(names(folder, ignored)) == 4
    assert ignored == {".txt": 3, "hidden": 2, "README": 1}
    with caplog.at_level(logging.WARNING):
        warn_of_ignored(Counter())
        warn_of_ignored(ignored)
    assert caplog.messages == ["6 files not named like audio: 3 .txt, 2 hidden, 1 README"]


def test_a_folder_that_cannot_be_listed_is_no_empty_one(folder):
    with pytest.raises(FadError, match="none: cannot be listed"):
        names(folder / "none")
