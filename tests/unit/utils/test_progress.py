"""Progress bars do not flood a log file."""

import sys

from fad.utils.progress import progress


def test_items_pass_through_in_order():
    assert list(progress(iter([3, 1, 2]), desc="x")) == [3, 1, 2]


def test_a_log_file_gets_a_line_in_ten_seconds_at_most(capsys):
    for _ in progress(range(10_000), desc="x"):
        pass
    assert capsys.readouterr().err.count("\r") <= 3  # the first, the last and a line's clearing


def test_a_terminal_is_shown_more(monkeypatch):
    with progress(total=1) as bar:
        assert bar.mininterval == 10.0
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress(total=1) as bar:
        assert bar.mininterval == 0.5
