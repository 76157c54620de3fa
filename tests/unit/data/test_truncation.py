"""Whether a header's promise is read off logs and files; whole files are tried in tests/faults."""

import pytest

from fad.data.truncation import missing_bytes, says_its_length

LOG = "File : a.wav\nLength : 32022\nRIFF : 64036 (should be 32014)\ndata : {} (should be 31978)\n"


@pytest.mark.parametrize(
    ("claimed", "missing"),
    [
        (64_000, 64_000 - 31_978),
        (31_978 + 65, 65),
        (31_978 + 64, 0),  # a header counted as sound
        (31_000, 0),
        (0, 0),
        (0xFFFFFFFF, 0),  # not known to whoever wrote to a pipe
        (0x7FFFF000, 0),
        (0xFFFFFFF0, 0xFFFFFFF0 - 31_978),
    ],
)
def test_sound_that_is_promised_and_not_there_is_counted(claimed, missing):
    assert missing_bytes(LOG.format(claimed)) == missing


@pytest.mark.parametrize(
    "line",
    [" SSND : 900 (should be 9)", "  Data Size   : 900 (should be 9)", "riff : 900 (should be 9)"],
)
def test_each_formats_word_is_known(line):
    assert missing_bytes(f"x\n{line}\ny") == 891


def test_a_log_without_the_word_tells_nothing():
    assert missing_bytes("RIFF : 64036 (should be 32014)\nfmt : 16\n") == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfb\x90\x00" + bytes(32) + b"Xing", True),
        (b"\xff\xfb\x90\x00" + bytes(32) + b"Info", True),
        (b"\xff\xfb\x90\x00" + bytes(32) + b"VBRI", True),
        (b"\xff\xfb\x90\x00" + bytes(99), False),
        (b"ID3\4\0\0\0\0\0\x04Info" + b"\xff\xfb\x90\x00" + bytes(99), False),
        (b"ID3\4\0\0\0\0\0\x04text" + b"\xff\xfb\x90\x00Info" + bytes(99), True),
        (b"ID3", False),
        (b"", False),
    ],
)
def test_an_mp3_says_its_length_in_its_first_frame_alone(tmp_path, content, says):
    (tmp_path / "a.mp3").write_bytes(content)
    assert says_its_length(tmp_path / "a.mp3", "mp3") is says


def test_containers_with_a_length_in_their_header(tmp_path):
    assert says_its_length(tmp_path / "a.m4a", "mov,mp4,m4a,3gp,3g2,mj2")
    assert not says_its_length(tmp_path / "a.aac", "aac")
    assert not says_its_length(tmp_path / "a.ogg", "ogg")
