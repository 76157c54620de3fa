"""Tables and data directories: what is read back, and what is refused and how it is said."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fad.data import tables
from fad.utils.errors import FadError

IDS = st.from_regex(r"[A-Za-z0-9_+=@:][A-Za-z0-9._+=@:-]{0,30}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)
LANGS = ("c-1", "c-2", "c-10")


def good_tables() -> dict[str, dict[str, str]]:
    return {
        "wav.scp": {"c-2": "b.wav", "c-1": "a name with spaces.wav", "c-10": "c.wav"},
        "utt2spk": {"c-1": "p2", "c-2": "p1", "c-10": "p2"},
        "utt2label": {"c-1": "bonafide", "c-2": "spoof", "c-10": "bonafide"},
        "utt2attack": {"c-1": "-", "c-2": "A01", "c-10": "-"},
    }


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    tables.write_data_dir(tmp_path / "data", good_tables())
    return tmp_path / "data"


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@given(st.dictionaries(IDS, VALUES, max_size=8))
def test_written_tables_are_read_back_sorted_by_bytes(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("t") / "table"
    tables.write_table(path, table)
    assert tables.read_table(path) == table
    lines = path.read_bytes().splitlines()
    assert [line.split()[0] for line in lines] == sorted(utt.encode() for utt in table)


def test_values_keep_their_spaces_and_dos_line_ends_do_not_matter(tmp_path):
    path = write(tmp_path / "wav.scp", b"b /a b/c.wav \r\na\tx\r\n")
    assert list(tables.read_table(path).items()) == [("b", "/a b/c.wav"), ("a", "x")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a x\n\nb y\n", ":2: empty line"),
        (b"a x\nb\n", ":2: 'b' has no value"),
        (b"a x\nb y\na z\n", ":3: duplicate utterance id 'a'"),
        (b"a x\n../up y\n", ":2: utterance id '../up' is refused"),
        (b"$(id) x\n", r":1: utterance id '$(id)' is refused"),
        (b"a'b x\n", "is refused"),
        (b"-a x\n", "the first not - or ."),
        (b"a" * 201 + b" x\n", "201 characters"),
        (b"a \xff\n", "not UTF-8 at byte 2"),
    ],
)
def test_malformed_tables_are_refused_with_file_and_line(tmp_path, content, expected):
    path = write(tmp_path / "table", content)
    with pytest.raises(FadError) as caught:
        tables.read_table(path)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(FadError, match="none: cannot be read"):
        tables.read_table(tmp_path / "none")


@pytest.mark.parametrize("value", ["", " x", "x\n", "a\nb"])
def test_values_that_would_not_come_back_are_not_written(tmp_path, value):
    with pytest.raises(FadError, match="stray white space"):
        tables.write_table(tmp_path / "table", {"a": value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["sox a.wav -t wav - |", "|cat a.wav"])
def test_pipes_in_wav_scp_are_refused(tmp_path, value):
    path = write(tmp_path / "wav.scp", f"a {value}\n".encode())
    with pytest.raises(FadError, match="'a' is a pipe, which is never run"):
        tables.read_wav_scp(path)


def test_labels_are_the_two_words(tmp_path):
    assert tables.LABELS.index("bonafide") == 1
    path = write(tmp_path / "utt2label", b"a spoof\nb fake\n")
    with pytest.raises(FadError, match="label 'fake' of 'b' is unknown: use spoof or bonafide"):
        tables.read_labels(path)


def test_different_keys_are_named_and_counted():
    full = {f"u{n}": "x" for n in range(6)}
    with pytest.raises(FadError) as caught:
        tables.check_same_keys({"labels": full, "scores": {"u0": "1", "new": "2"}})
    assert "5 only in labels (u1, u2, u3, ...)" in str(caught.value)
    assert "1 only in scores (new)" in str(caught.value)
    tables.check_same_keys({"labels": full, "scores": full})


def test_spk2utt_is_the_sorted_inverse():
    inverse = tables.spk2utt_from_utt2spk({"b": "p2", "a": "p2", "c": "p1"})
    assert list(inverse.items()) == [("p1", "c"), ("p2", "a b")]


def test_a_data_dir_is_written_whole_and_validates(data_dir):
    found = tables.validate_data_dir(data_dir)
    assert {name: found[name] for name in good_tables()} == good_tables()
    assert (data_dir / "spk2utt").read_text() == "p1 c-2\np2 c-1 c-10\n"
    assert (data_dir / "utt2label").read_text().splitlines()[1] == "c-10 bonafide"


def test_optional_tables_of_an_earlier_run_go(data_dir):
    tables.write_data_dir(data_dir, good_tables() | {"utt2lang": dict.fromkeys(LANGS, "en")})
    assert "utt2lang" in tables.validate_data_dir(data_dir)
    tables.write_data_dir(data_dir, good_tables())
    assert "utt2lang" not in tables.validate_data_dir(data_dir)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("wav.scp", "c-1 a\nc-2 b\nc-10 c\n", "wav.scp:3: not sorted: 'c-10' comes after 'c-2'"),
        ("wav.scp", "c-1 a\nc-10 b\nc-2 c |\n", "is a pipe"),
        ("wav.scp", "", "have different keys|has no utterance"),
        ("utt2spk", "c-1 p2\nc-10 p2\n", "1 only in .*wav.scp .c-2."),
        (
            "utt2spk",
            "c-1 p2\nc-10 p1\nc-2 p1\n",
            "first at 'p1': has 'c-2', should have 'c-10 c-2'",
        ),
        ("utt2spk", "c-1 a/b\nc-10 p1\nc-2 p1\n", "speaker of 'c-1' 'a/b' is refused"),
        ("utt2label", "c-1 real\nc-10 spoof\nc-2 spoof\n", "label 'real' of 'c-1'"),
        ("utt2attack", "c-1 A01\nc-10 -\nc-2 A01\n", "'c-1' has attack 'A01' but label 'bonafide'"),
        ("utt2attack", "c-1 -\nc-10 -\nc-2 -\n", "'c-2' has attack '-' but label 'spoof'"),
        ("utt2attack", "c-1 -\nc-10 -\nc-2 a b\n", "attack 'a b' is refused"),
        ("utt2num_samples", "c-1 5\n", "have different keys"),
    ],
)
def test_faults_in_a_data_dir_are_found(data_dir, name, content, expected):
    (data_dir / name).write_text(content)
    with pytest.raises(FadError, match=expected):
        tables.validate_data_dir(data_dir)


def test_a_data_dir_without_a_table_names_it(data_dir):
    (data_dir / "utt2label").unlink()
    (data_dir / "spk2utt").unlink()
    with pytest.raises(FadError, match="lacks spk2utt, utt2label"):
        tables.validate_data_dir(data_dir)


def test_bad_tables_leave_the_old_directory_as_it_was(data_dir):
    before = {path.name: path.read_bytes() for path in data_dir.iterdir()}
    bad = good_tables()
    bad["utt2label"]["c-1"] = "spoof"
    with pytest.raises(FadError, match="has attack '-' but label 'spoof'"):
        tables.write_data_dir(data_dir, bad)
    assert {path.name: path.read_bytes() for path in data_dir.iterdir()} == before


def test_a_killed_write_does_not_look_finished(data_dir, monkeypatch):
    def killed_at_labels(path, table):
        if path.name == "utt2label":
            raise KeyboardInterrupt
        tables_write(path, table)

    tables_write = tables.write_table
    monkeypatch.setattr(tables, "write_table", killed_at_labels)
    with pytest.raises(KeyboardInterrupt):
        tables.write_data_dir(data_dir, good_tables())
    with pytest.raises(FadError, match=r"lacks wav\.scp"):
        tables.validate_data_dir(data_dir)


@pytest.mark.parametrize("change", [{"utt2spk": None}, {"utt2lnag": {}}])
def test_writing_wants_the_tables_there_are(tmp_path, change):
    given = {k: v for k, v in (good_tables() | change).items() if v is not None}
    with pytest.raises(FadError, match=r"utt2spk|utt2lnag"):
        tables.write_data_dir(tmp_path, given)
    assert list(tmp_path.iterdir()) == []


def test_equal_words_are_one_object(data_dir):
    found = tables.validate_data_dir(data_dir)
    for name in ("utt2spk", "utt2label", "utt2attack"):
        for ours, theirs in zip(found[name], found["wav.scp"], strict=True):
            assert ours is theirs
    assert len({id(label) for label in found["utt2label"].values()}) == 2


def together(data_dir) -> list[tuple[str, list[str]]]:
    checks = {"wav.scp": tables.check_no_pipe, "utt2label": tables.check_label}
    return list(tables.read_together({data_dir / name: check for name, check in checks.items()}))


def test_tables_are_read_side_by_side(data_dir):
    assert together(data_dir) == [
        ("c-1", ["a name with spaces.wav", "bonafide"]),
        ("c-10", ["c.wav", "bonafide"]),
        ("c-2", ["b.wav", "spoof"]),
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("c-1 spoof\nc-10 spoof\n", r"different keys: 1 only in .*wav.scp \(c-2\)"),
        ("c-1 spoof\nc-10 spoof\nc-2 spoof\nc-3 spoof\n", r"1 only in .*utt2label \(c-3\)"),
        ("c-1 spoof\nc-11 spoof\nc-2 spoof\n", r"1 only in .*\(c-10\); 1 only in .*\(c-11\)"),
        ("c-1 spoof\nc-2 spoof\nc-10 spoof\n", "utt2label:3: not sorted: 'c-10' comes after"),
        ("c-1 spoof\nc-1 spoof\nc-2 spoof\n", "utt2label:2: duplicate utterance id 'c-1'"),
        ("c-1 fake\nc-10 spoof\nc-2 spoof\n", "label 'fake' of 'c-1' is unknown"),
    ],
)
def test_tables_that_do_not_go_together_are_refused(data_dir, content, expected):
    (data_dir / "utt2label").write_text(content)
    with pytest.raises(FadError, match=expected):
        together(data_dir)


def test_each_table_is_opened_once_and_closed(data_dir, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "builtins.open", lambda *a, plain=open, **k: opened.append(plain(*a, **k)) or opened[-1]
    )
    together(data_dir)
    assert len(opened) == 2 and all(file.closed for file in opened)
