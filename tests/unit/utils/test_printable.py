from fad.utils.printable import printable


def test_what_can_be_seen_stays():
    for text in ("", "a b/é 音 \U0001f600", "-1.5 %"):
        assert printable(text) == text


def test_what_cannot_be_seen_is_an_escape():
    assert printable("a\x1b[31m\n\tb\x9b\x7f") == r"a\x1b[31m\n\tb\x9b\x7f"
    assert printable("\u2028\u202e\xa0\udcff\u200b") == r"\u2028\u202e\xa0\udcff\u200b"


def test_what_is_kept_stays():
    assert printable("a\n\tb\r", keep="\n\t") == "a\n\tb\\r"
