"""What entry points share: booleans, errors in one line, the log."""

import argparse
import errno
import logging
import os
import re

import pytest

from fad.cli import parse_bool, run, set_up_logging
from fad.errors import FadError, nearest


@pytest.fixture(autouse=True)
def logging_as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_booleans_are_two_words():
    assert parse_bool("true") is True
    assert parse_bool("false") is False
    for text in ("True", "1", "yes", "", " true"):
        with pytest.raises(argparse.ArgumentTypeError, match="expected true or false"):
            parse_bool(text)


def test_a_fad_error_is_one_line_and_exit_code_1(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/score.py"])

    def main(argv):
        assert argv is None
        raise FadError("a.wav: no such file: correct its path")

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "score.py: error: a.wav: no such file: correct its path\n"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (
            errno.ENOSPC,
            "out/x: no room left (disk full, or over a quota): make room and start the ",
        ),
        (errno.EACCES, "out/x: Permission denied: change its owner or mode, or go elsewhere"),
        (errno.EROFS, "out/x: Read-only file system: change its owner or mode, or go elsewhere"),
    ],
)
def test_what_a_user_can_mend_on_a_disk_is_one_line(capsys, monkeypatch, number, said):
    monkeypatch.setattr("sys.argv", ["/somewhere/score.py"])

    def main(_):
        raise OSError(number, os.strerror(number), "out/x")

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"score.py: error: {said}")
    assert printed.count("\n") == 1


def test_other_errors_keep_their_traceback():
    def main(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(main)


def test_a_log_line_has_time_file_line_and_function(capsys):
    set_up_logging()
    logging.getLogger("fad").info("hello")
    line = capsys.readouterr().err
    assert re.match(r"\d{4}-\d\d-\d\d .* \(test_cli:\d+ test_a_log_line\w+\) INFO: hello\n", line)


def test_the_nearest_name_is_suggested_with_all_there_are():
    assert nearest("lroa", ["lora", "full"]) == "did you mean 'lora'? known: full, lora"
    assert nearest("xyz", ["lora", "full"]) == "known: full, lora"
    assert nearest("x", []) == "known: none"
