"""Columns are found by shape or by name, in any of the usual separators, and never guessed."""

import pytest

from fad.evaluation.trials.columns_file import read_columns_file
from fad.utils.errors import FadError

LAYOUTS = (("utt", "score"), ("utt", ".", "label", "score"), ("speaker", "utt", "score", "label"))


def file(path, text, chosen=None, needed=("utt", "score")):
    path.write_bytes(text.encode())
    return read_columns_file(path, LAYOUTS, needed, chosen)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


@pytest.mark.parametrize("separator", [" ", "\t", "   "])
def test_without_a_header_the_number_of_columns_tells_the_layout(path, separator):
    found = file(path, f"u1{separator}1\r\nu2{separator}2\r\n")
    assert found.columns == {"utt": ["u1", "u2"], "score": ["1", "2"]}
    assert found.place(1) == f"{path}:2"


def test_the_place_of_the_label_tells_layouts_of_the_same_width(path):
    assert file(path, "u1 x spoof 1\n").columns["score"] == ["1"]
    assert file(path, "s1 u1 1 Real\n").columns["utt"] == ["u1"]


def test_a_label_that_is_a_number_may_be_a_score(path):
    assert file(path, "s1 u1 0.5 1\n").columns["utt"] == ["u1"]
    assert file(path, "u1 x 0 0.5\n").columns["utt"] == ["u1"]
    with pytest.raises(FadError, match=r":1: 'utt - label score' and 'speaker utt .* both fit"):
        file(path, "u1 u2 0 1\n")


def test_a_column_that_nobody_needs_is_dropped(path):
    assert set(file(path, "u1 x spoof 1\n").columns) == {"utt", "label", "score"}


@pytest.mark.parametrize("separator", ["\t", ",", " "])
def test_a_header_of_known_names(path, separator):
    rows = [("Filename", "more", "CM_score"), ("u1", "x", "1"), ("u2", "y", "2")]
    found = file(path, "".join(f"{separator.join(row)}\n" for row in rows))
    assert found.columns == {"utt": ["u1", "u2"], "score": ["1", "2"]}
    assert found.place(0) == f"{path}:2"


def test_a_header_of_names_that_the_user_gives(path):
    chosen = {"utt": "Clip name", "score": "p(real)", "room": "Where"}
    found = file(path, "Where,Clip name,p(real),score\nA,u 1,0.5,9\n", chosen)
    assert found.columns == {"utt": ["u 1"], "score": ["0.5"], "room": ["A"]}


def test_cells_in_quotes(path):
    found = file(path, 'ID,Score,Label\nu1,"[-3.7, 3.8]",1\n')
    assert found.columns == {"utt": ["u1"], "score": ["[-3.7, 3.8]"], "label": ["1"]}


def test_a_byte_order_mark_is_no_part_of_the_first_name(path):
    assert file(path, "\ufeffutt,score\nu1,1\n").columns["utt"] == ["u1"]


def test_a_label_says_its_line(path):
    found = file(path, "utt label score\nu1 real 1\nu2 reel 2\n")
    with pytest.raises(FadError, match=r"file:3: label 'reel': did you mean 'real'"):
        found.labels()


def test_a_cell_has_a_bearable_length(path):
    longest = "x" * 1000
    assert file(path, f"{longest} 1\n").columns["utt"] == [longest]
    with pytest.raises(FadError, match=r":2: utt 'x{40}...' has 1,001 characters: at most 1,000"):
        file(path, f"u1 1\n{longest}x 1\n")
    assert file(path, f"u1 {longest}x spoof 1\n").columns["utt"] == ["u1"]  # nobody needs it


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("utt score\n", "only a header, no trial"),
        ("u1\n", r":1: 1 columns, .* one of 'utt score'; 'utt - label score'; 'speaker utt"),
        ("u1 1\nu2\n", ":2: 1 columns where 2 are expected: 'utt score'"),
        ("u1 1\n\nu2 1\n", ":2: 0 columns where 2"),
        ("utt score\nu1 1 2\n", ":2: 3 columns where 2 are expected: the header"),
        ("u1 1\nu2 1\nu1 2\n", r":3: 'u1' occurs twice \(3 lines, 2 names\)"),
        ("utt,score\n,1\n", ":2: the utterance has no name"),
        ("utt;score\nu1;1\n", ":1: columns are separated by ';'"),
        ("u1,1\n", r":1: a number where a header's names would be \(u1, 1\): .* `utt score`"),
        ("u,s\n", r":1: no column for 'utt' in the header \(u, s\): .*--columns utt=COLUMN"),
        ("utt,loss\nu1,1\n", ":1: no column for 'score' in the header"),
        ("utt,path,score\nu1,a,1\n", ":1: columns utt and path could each be 'utt': .* utt=utt"),
        ("utt,score,score\nu1,1,2\n", ":1: columns score and score could each be 'score'"),
        ('utt,score\nu1,"1\nu2,2"\n', "a quoted cell goes over the end of its line"),
        ('utt,score\nu1,"1"2\n', "not a table with commas"),
    ],
)
def test_what_is_ambiguous_or_broken_is_refused(path, text, message):
    with pytest.raises(FadError, match=message):
        file(path, text)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"utt": "Clipp"}, r":1: no column 'Clipp' in the header: did you mean 'Clip'"),
        ({"utt": "Same"}, r":1: 2 columns 'Same' in the header"),
        ({"utt": "Clip"}, r":1: no column for 'score'"),
    ],
)
def test_columns_that_the_header_has_not(path, chosen, message):
    with pytest.raises(FadError, match=message):
        file(path, "Clip,Same,Same\nu1,1,2\n", chosen)
