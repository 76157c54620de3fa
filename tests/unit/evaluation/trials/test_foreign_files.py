"""Files that people have in place of `utt score`: read, or named with a remedy."""

import gzip
import io
import json
import zipfile

import pytest

from fad.data import lines
from fad.data.labels import read_label
from fad.data.lines import iter_lines
from fad.evaluation.trials.score_files import read_scores
from fad.utils.errors import FadError


def spreadsheet() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    return made.getvalue()


FOREIGN = [
    (gzip.compress(b"u1 1.0\n"), r"is packed by gzip: unpack it \(gunzip -k\)"),
    (spreadsheet(), "is a spreadsheet or a ZIP archive: export it as CSV"),
    (b"\x93NUMPY\x01\x00", "is an array of NumPy"),
    (json.dumps([{"utt": "u1", "score": 1}]).encode(), "is JSON: write lines of `utt score`"),
    (b'{"utt": "u1", "score": 1}\n', "is JSON"),
    (b"Output, u1, 0, -1.5\nOutput, u2, 1, 2.5\n", "a number where a header's names would be"),
    (b"u1 -1.5 2.5\nu2 1.5 -2.5\n", "two numbers behind the utterance: two logits"),
]


# Packed bytes have the time of packing, so they are no names of tests.
@pytest.mark.parametrize(("content", "says"), FOREIGN, ids=range(len(FOREIGN)))
def test_what_is_no_score_file_is_named(tmp_path, content, says):
    (tmp_path / "scores").write_bytes(content)
    with pytest.raises(FadError, match=says):
        read_scores(tmp_path / "scores")


@pytest.mark.parametrize("text", ["u1 -1.5 0\nu2 2.5 1\n", "u1 0 -1.5\nu2 1 2.5\n"])
def test_a_label_on_either_side_of_the_score_is_told_by_its_numbers(tmp_path, text):
    (tmp_path / "scores").write_text(text)
    found = read_scores(tmp_path / "scores", None, "1")
    assert found.scores == {"u1": -1.5, "u2": 2.5}
    assert found.labels == {"u1": "spoof", "u2": "bonafide"}


def test_labels_as_floats_are_numbers():
    assert [read_label(word, "1") for word in ("0.0", "1.0")] == ["spoof", "bonafide"]
    with pytest.raises(FadError, match="may mean bona fide or spoof"):
        read_label("1.0")


def test_an_endless_line_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "_LONGEST", 1 << 17)
    (tmp_path / "scores").write_bytes(b"u1 1.0\n" + b"x" * (1 << 20))
    read = iter_lines(tmp_path / "scores")
    with pytest.raises(FadError, match="has a line of over 131,072 bytes"):
        list(read)


TEXTS = ["", "a", "a\n", "a\nb", "a\n\nb\r\n", "é\n" * 50_000, "x" * 70_000]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_lines_are_those_of_the_file_wherever_blocks_end(tmp_path, text):
    (tmp_path / "lines").write_bytes(text.encode())
    with open(tmp_path / "lines", encoding="utf-8", newline="\n") as file:
        expected = [line.removesuffix("\n").removesuffix("\r") for line in file]
    assert list(iter_lines(tmp_path / "lines")) == expected
