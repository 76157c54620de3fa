"""Files are whole or not there."""

import hashlib
import json
import resource

import pytest
import torch
from safetensors.torch import save_file

from fad.utils.errors import FadError
from fad.utils.files import atomic_path, remove_parts, sha256_file, write_json, write_text


@pytest.fixture
def limited_files():
    """No file may grow over 100,000 bytes, as on a disk without room."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


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


def test_a_full_disk_is_one_clear_line_and_the_old_file_stays(tmp_path, limited_files):
    path = tmp_path / "c.txt"
    path.write_text("old")
    with pytest.raises(FadError, match=r"c\.txt: no room left .* start the same command again"):
        write_text(path, "x" * 200_000)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("save", [torch.save, lambda state, part: save_file(state, part)])
def test_a_full_disk_is_seen_behind_writers_that_do_not_name_it(tmp_path, limited_files, save):
    path = tmp_path / "c.pt"
    with pytest.raises(FadError, match="no room left"), atomic_path(path) as part:
        save({"a": torch.zeros(100_000)}, part)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_a_writer_on_a_disk_with_room_stays_what_it_is(tmp_path):
    with pytest.raises(RuntimeError, match="of its own"), atomic_path(tmp_path / "c.pt") as part:
        part.write_text("half")
        raise RuntimeError("of its own")
    assert list(tmp_path.iterdir()) == []


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path):
    kept = [tmp_path / name for name in ("a.txt", ".hidden", ".a.partial", "b.part1")]
    for path in [*kept, tmp_path / ".a.part12.txt", tmp_path / ".feats.1of2.part7.ark"]:
        path.touch()
    remove_parts(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)
