"""Files of scores as fad, the organisers and other toolkits write them."""

import numpy as np
import pytest

from fad.evaluation.trials.score_files import read_scores, write_scores
from fad.utils.errors import FadError

DEEPFENSE = "ID_audio,label,score_class0,score_class1\nu1,1,-1.0,2.0\nu2,0,1.25,-0.25\n"
ANTIDEEPFAKE = 'ID,Score,Label\nu1,"[-3.75, 3.75]",1\nu2,"[3.5, -3.5]",0\n'


@pytest.fixture
def scores(tmp_path):
    def read(text, *options):
        (tmp_path / "scores").write_bytes(text.encode())
        return read_scores(tmp_path / "scores", *options)

    return read


def test_two_columns(scores):
    found = scores("u1 -1.5\r\nu2 3e-2\r\n")
    assert found.scores == {"u1": -1.5, "u2": 0.03}
    assert found.labels is None and found.columns == {}


@pytest.mark.parametrize(
    ("lines", "columns"),
    [
        ("u1 A07 spoof -1.5\nu2 - bonafide 2\n", {"attack"}),  # ASVspoof 2019, AASIST
        ("u1 spoof -1.5\nu2 bonafide 2\n", set()),
        ("s u1 -1.5 spoof\ns u2 2 bonafide\n", {"speaker"}),  # AASIST for ASVspoof 5
        ("s u1 A07 spoof -1.5\ns u2 bonafide bonafide 2\n", {"speaker", "attack"}),
    ],
)
def test_columns_with_labels(scores, lines, columns):
    found = scores(lines)
    assert found.scores == {"u1": -1.5, "u2": 2.0}
    assert found.labels == {"u1": "spoof", "u2": "bonafide"}
    assert set(found.columns) == columns
    if "attack" in columns:
        assert found.columns["attack"] == {"u1": "A07", "u2": "-"}


def test_asvspoof_5_track_1(scores):
    found = scores("filename\tcm-score\nE_0000000001\t0.01\nE_0000000002\t-4.7627\n")
    assert found.scores == {"E_0000000001": 0.01, "E_0000000002": -4.7627}


def test_asvspoof_5_track_2_has_a_countermeasure_score_too(scores):
    header = "spk\tfilename\tcm-score\tasv-score\tsasv-score\n"
    found = scores(f"{header}E_0101\tE_1\t4.5\t-1\t1.75\nE_0102\tE_2\t-2\t1\t1\n")
    assert found.scores == {"E_1": 4.5, "E_2": -2.0}
    assert found.columns == {"speaker": {"E_1": "E_0101", "E_2": "E_0102"}}


def test_deepfense(scores):
    """Its class0 is 1 - class1: as a second logit it would double the scale, and shift it."""
    chosen = {"utt": "ID_audio", "score": "score_class1", "label": "label"}
    found = scores(DEEPFENSE, chosen, "1")
    assert found.scores == {"u1": 2.0, "u2": -0.25}
    assert found.labels == {"u1": "bonafide", "u2": "spoof"}


@pytest.mark.parametrize(("pair", "sign"), [("spoof,bonafide", 1), ("bonafide,spoof", -1)])
def test_antideepfake(scores, pair, sign):
    found = scores(ANTIDEEPFAKE, None, "1", pair)
    assert found.scores == {"u1": sign * 7.5, "u2": sign * -7.0}
    assert found.labels == {"u1": "bonafide", "u2": "spoof"}


def test_columns_that_the_user_names(scores):
    found = scores(
        "Clip,P,Truth\na.wav,0.5,fake\n", {"utt": "Clip", "score": "P", "label": "Truth"}
    )
    assert (found.scores, found.labels) == ({"a.wav": 0.5}, {"a.wav": "spoof"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("u1 1\nu1 2\n", ":2: 'u1' occurs twice"),
        ("u1 1\nu2 nan\n", ":2: score 'nan' is not finite"),
        ("u1 -inf\n", ":1: score '-inf' is not finite"),
        ("u1 A01 fake 1\nu2 A01 made 1\n", ":2: label 'made'"),
        ("u1 A01 bonafide 1\n", ":1: attack 'A01' of bona fide speech: are the columns in"),
        ("u1 high\n", ":1: 'high' is not a number: a header\\? .* --columns utt=NAME,score=NAME"),
        ("Clip Loss\nu1 1\n", ":1: 'Loss' is not a number: a header\\?"),
        ("u1 1,5\n", ":1: '1,5' is not a number: write the decimal comma as a point"),
        ("u1 99%\n", ":1: '99%' is not a number: write it without the percent sign"),
        ("u1 ?\n", ":1: '\\?' is not a number: expected a score, such as -1.5"),
        (
            ANTIDEEPFAKE,
            ":2: '\\[-3.75, 3.75\\]' is not a number: two logits\\? .*--logits spoof,bona",
        ),
        (DEEPFENSE, ":1: no column for 'score' in the header"),
        ("u1,1\nu2,2\n", ":1: a number where a header's names would be"),
    ],
)
def test_bad_files_are_refused_with_a_hint(scores, tmp_path, text, message):
    with pytest.raises(FadError, match=f"^{tmp_path / 'scores'}{message}"):
        scores(text)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1.5", "'1.5' is no pair of logits"),
        ("[1, 2, 3]", "is no pair of logits"),
        ("[1, x]", "'x' is not a number"),
        ("[1, nan]", "score 'nan' is not finite"),
        ("[-1e308, 1e308]", "is not finite: score it again"),
    ],
)
def test_what_is_no_pair_of_logits(scores, cell, message):
    with pytest.raises(FadError, match=f":3: .*{message}"):
        scores(f'ID,Score\nu1,"[1, 2]"\nu2,"{cell}"\n', None, None, "spoof,bonafide")


def test_one_logit_alone_is_no_score(scores):
    with pytest.raises(FadError, match="no column for 'spoof_logit' in the header"):
        scores(DEEPFENSE, {"bonafide_logit": "score_class1"}, "1")


def test_files_without_scores_are_refused(tmp_path):
    (tmp_path / "empty").write_text("")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FadError, match="the file is empty"):
        read_scores(tmp_path / "empty")
    with pytest.raises(FadError, match="not UTF-8"):
        read_scores(tmp_path / "binary")
    with pytest.raises(FadError, match="absent: cannot be read"):
        read_scores(tmp_path / "absent")


def test_what_is_written_is_read_back_the_very_same(tmp_path):
    values = np.random.default_rng(0).normal(size=50) * 10.0 ** np.arange(-25, 25)
    scores = {f"x/u{n:02d}.wav": value for n, value in enumerate(values.tolist())}
    write_scores(tmp_path / "new", scores | {"zero": -0.0})
    assert read_scores(tmp_path / "new").scores == scores | {"zero": 0.0}
    assert (tmp_path / "new").read_text().endswith("zero 0.0\n")


@pytest.mark.parametrize("name", ["u 1", "u\t1", "u\u30001", "u,1", "u;1"])
def test_a_name_that_would_not_be_read_back_is_refused(tmp_path, name):
    with pytest.raises(FadError, match=r"new: 'u.1' has white space, a comma or a semicolon: "):
        write_scores(tmp_path / "new", {"u2": 1.0, name: 1.0})
    assert not (tmp_path / "new").exists()
