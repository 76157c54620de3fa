"""What entry points share: booleans, errors in one line, the log."""

import argparse
import errno
import logging
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fad.utils.cli import (
    is_follower,
    parse_bool,
    parse_finite,
    parse_natural,
    parse_pairs,
    run,
    set_up_logging,
)
from fad.utils.errors import FadError, nearest

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def hooks_as_before(monkeypatch):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    yield
    root.handlers[:], root.level = handlers, level


def program(body: str) -> list[str]:
    """The command of a program whose `main` is `body`."""
    return [
        sys.executable,
        "-c",
        f"from fad.utils.cli import run\ndef main(_):\n {body}\nrun(main)",
    ]


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


def test_an_error_in_a_data_loaders_process_is_its_own_line_alone(capsys, monkeypatch):
    from torch.utils.data import DataLoader

    class Clips(list):
        def __getitem__(self, index):
            raise FadError("a.wav: cut short: fetch it again")

    monkeypatch.setattr("sys.argv", ["train.py"])
    with pytest.raises(SystemExit) as caught:
        run(lambda _: next(iter(DataLoader(Clips("a"), num_workers=1))))
    assert caught.value.code == 1
    assert capsys.readouterr().err == "train.py: error: a.wav: cut short: fetch it again\n"


def test_ctrl_c_is_one_line_and_exit_code_130(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py"])

    def main(_):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.code == 130
    assert capsys.readouterr().err == (
        "train.py: error: stopped by Ctrl-C; start the same command again to go on\n"
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "body", ["print('a' * 10**6)", "print('a', flush=True)", "print('a')", "print(1); exit(0)"]
)
def test_a_reader_that_has_gone_ends_it_quietly(body, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(program(body), stdout=writing, stderr=subprocess.PIPE, cwd=ROOT)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_output_to_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(program("print(1)"), stdout=full, stderr=subprocess.PIPE, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.startswith(b"-c: error: what it writes: no room left (disk full")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, False), (errno.EIO, True)])
def test_a_thread_is_silent_about_a_full_disk_alone(capsys, monkeypatch, number, said):
    def write():
        raise OSError(number, os.strerror(number))

    def main(_):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()

    run(main)
    assert ("Traceback" in capsys.readouterr().err) == said


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"RANK": "1"}, False),
        ({"RANK": "0", "TORCHELASTIC_RUN_ID": "x"}, False),
        ({"RANK": "1", "TORCHELASTIC_RUN_ID": "x"}, True),
    ],
)
def test_a_follower_is_a_later_process_of_torchrun(monkeypatch, environment, expected):
    for name in ("RANK", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_follower() == expected


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


def test_what_a_terminal_would_obey_is_escaped_in_logs_and_errors(capsys, monkeypatch):
    def main(_):
        logging.getLogger("fad").warning("log %s", "\x1b[31m\udcff.wav\nsecond line")
        raise FadError("error \x1b[31m.wav")

    with pytest.raises(SystemExit):
        run(main)
    first, second, last = capsys.readouterr().err.splitlines()
    assert first.endswith(r"log \x1b[31m\udcff.wav") and second == "second line"
    assert last.endswith(r"error: error \x1b[31m.wav")


def test_output_escapes_what_its_encoding_lacks():
    ran = subprocess.run(
        program(r"print('\u00fc \udcff')"),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict", "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert ran.stdout == "\\xfc \\udcff\n"


def test_the_nearest_name_is_suggested_with_all_there_are():
    assert nearest("lroa", ["lora", "full"]) == "did you mean 'lora'? known: full, lora"
    assert nearest("xyz", ["lora", "full"]) == "known: full, lora"
    assert nearest("x", []) == "known: none"


def test_numbers():
    assert (parse_natural("0"), parse_natural("12"), parse_finite("-1e-3")) == (0, 12, -0.001)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        *((parse_natural, text) for text in ("-1", "1.5", "", "\u0663")),
        *((parse_finite, text) for text in ("nan", "inf", "x", "")),
    ],
)
def test_what_is_no_number(parse, text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected a .* not '{text}'"):
        parse(text)


def test_pairs():
    assert parse_pairs("--x", ["a/eval=x=y", "b = z"], "a=b") == {"a/eval": "x=y", "b": "z"}
    for word in ("eval", "=dir", "eval="):
        with pytest.raises(FadError, match=f"--x '{word}': expected NAME=VALUE, such as a=b"):
            parse_pairs("--x", [word], "a=b")
    with pytest.raises(FadError, match="--x gives 'a' twice"):
        parse_pairs("--x", ["a=x", "a=y"], "a=b")


HOSTILE = "a\x1b[2J\x9b\r\u202eb\udcff.wav"
SHOWN = r"a\x1b[2J\x9b\r\u202eb\udcff.wav"


def test_errors_and_the_log_show_control_characters_as_escapes():
    body = f"""import logging
 from fad.utils.errors import FadError
 logging.warning("%s", {HOSTILE!a})
 raise FadError({HOSTILE!a} + ": no such file")"""
    done = subprocess.run(program(body), cwd=ROOT, capture_output=True, check=False)
    warning, error = done.stderr.decode().splitlines()
    assert warning.endswith(f"WARNING: {SHOWN}") and error == f"-c: error: {SHOWN}: no such file"


def test_tracebacks_keep_their_lines():
    body = "import logging\n logging.error('a\\n\\tb')"
    done = subprocess.run(program(body), cwd=ROOT, capture_output=True, check=True)
    assert done.stderr.decode().endswith("a\n\tb\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_the_encoding_of_a_terminal_lacks_is_an_escape(encoding):
    text = "\u97f3 é \udcff"
    env = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(
        program(f"print({text!a})"), cwd=ROOT, capture_output=True, check=True, env=env
    )
    assert done.stdout == f"{text}\n".encode(encoding, "backslashreplace")
