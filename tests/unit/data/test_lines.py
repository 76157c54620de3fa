"""Lines are read one at a time, and a fault in one is told with its place."""

import tracemalloc

import pytest

from fad.data.lines import iter_lines
from fad.utils.errors import FadError


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\xef\xbb\xbf", []),
        (b"\xef\xbb\xbfa\r\nb", ["a", "b"]),
        (b"a\n\nb\n", ["a", "", "b"]),
        (b"a\tb\xc2\xa0\n", ["a\tb\u00a0"]),
    ],
)
def test_ends_and_marks_are_no_part_of_a_line(tmp_path, content, expected):
    (tmp_path / "text").write_bytes(content)
    assert list(iter_lines(tmp_path / "text")) == expected


def test_lines_before_a_fault_come_first(tmp_path):
    (tmp_path / "text").write_bytes(b"a\nb\xff\n")
    lines = iter_lines(tmp_path / "text")
    assert next(lines) == "a"
    with pytest.raises(FadError, match="not UTF-8 at byte 3"):
        next(lines)


def test_a_long_file_takes_the_memory_of_a_few_lines(tmp_path):
    (tmp_path / "text").write_text("a line of some length\n" * 200_000)
    tracemalloc.start()
    assert sum(1 for _ in iter_lines(tmp_path / "text")) == 200_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 440_000  # a tenth of the file
