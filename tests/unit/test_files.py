"""Files are whole or not there."""

import hashlib
import json

import pytest

from fad.files import atomic_path, sha256_file, write_json, write_text


def test_what_is_written_appears_whole_with_its_folders(tmp_path):
    path = tmp_path / "a" / "b" / "c.txt"
    with atomic_path(path) as part:
        part.write_text("x")
        assert not path.exists()
        assert part.suffix == ".txt"
        assert part.parent == path.parent
    assert path.read_text() == "x"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "c.txt"
    path.write_text("old")
    with pytest.raises(error), atomic_path(path) as part:
        part.write_text("half of the new")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_written_is_an_error_and_not_an_empty_file(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "c.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_text_is_utf_8_and_json_is_strict(tmp_path):
    write_text(tmp_path / "t", "ä\n")
    assert (tmp_path / "t").read_bytes() == b"\xc3\xa4\n"
    write_json(tmp_path / "j", {"a": [1, None]})
    assert json.loads((tmp_path / "j").read_text()) == {"a": [1, None]}
    assert (tmp_path / "j").read_text().endswith("}\n")
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "j", {"a": float("nan")})
    assert json.loads((tmp_path / "j").read_text()) == {"a": [1, None]}


def test_sha256_is_that_of_the_bytes(tmp_path):
    (tmp_path / "x").write_bytes(b"abc" * 100_000)
    assert sha256_file(tmp_path / "x") == hashlib.sha256(b"abc" * 100_000).hexdigest()
