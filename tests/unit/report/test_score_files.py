import pytest

from fad.errors import FadError
from fad.report.scores import read_asv_scores, read_scores


def test_two_columns(tmp_path):
    path = tmp_path / "eval"
    path.write_bytes(b"u1 -1.5\r\nu2 3e-2\r\n")
    found = read_scores(path)
    assert found.scores == {"u1": -1.5, "u2": 0.03}
    assert found.labels is None and found.attacks is None


def test_four_columns_carry_labels_and_attacks(tmp_path):
    path = tmp_path / "cm.txt"
    path.write_text("u1 A07 spoof -1.5\nu2 - bonafide 2\n")
    found = read_scores(path)
    assert found.scores == {"u1": -1.5, "u2": 2.0}
    assert found.labels == {"u1": "spoof", "u2": "bonafide"}
    assert found.attacks == {"u1": "A07", "u2": "-"}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("u1 1\nu1 2\n", 2, "'u1' has a score already"),
        ("u1 1\nu2 nan\n", 2, "'nan' is not finite"),
        ("u1 -inf\n", 1, "'-inf' is not finite"),
        ("u1 1\nu2\n", 2, "1 columns where 2 are expected: 'utt score'"),
        ("u1 1\n\nu2 1\n", 2, "0 columns"),
        ("u1 1\nu2 A01 spoof 1\n", 2, "4 columns where 2"),
        ("u1 A01 spoof 1\nu2 1\n", 2, "2 columns where 4"),
        ("a b c\n", 1, "3 columns"),
        ("u1 high\n", 1, "'high' is not a number"),
        ("u1 A01 fake 1\n", 1, "label 'fake' is neither"),
    ],
)
def test_bad_lines_are_refused_with_their_place(tmp_path, text, line, message):
    path = tmp_path / "eval"
    path.write_text(text)
    with pytest.raises(FadError) as error:
        read_scores(path)
    assert str(error.value).startswith(f"{path}:{line}: ") and message in str(error.value)


def test_files_without_scores_are_refused(tmp_path):
    (tmp_path / "empty").write_text("")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FadError, match="no scores in it"):
        read_scores(tmp_path / "empty")
    with pytest.raises(FadError, match="not UTF-8"):
        read_scores(tmp_path / "binary")
    with pytest.raises(FadError, match="absent: cannot be read"):
        read_scores(tmp_path / "absent")


def test_asv_scores_by_kind_of_trial(tmp_path):
    path = tmp_path / "asv"
    path.write_text("bonafide target 2\nbonafide nontarget -2\nA07 spoof 1\nA08 spoof 0.5\n")
    found = {kind: scores.tolist() for kind, scores in read_asv_scores(path).items()}
    assert found == {"target": [2.0], "nontarget": [-2.0], "spoof": [1.0, 0.5]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bonafide target 2\nA07 spoof 1\n", "no nontarget trials"),
        ("bonafide impostor 2\n", ":1: kind of trial 'impostor'"),
        ("bonafide target 2 3\n", ":1: 4 columns where 3"),
        ("bonafide target nan\n", ":1: score 'nan' is not finite"),
    ],
)
def test_bad_asv_scores_are_refused(tmp_path, text, message):
    path = tmp_path / "asv"
    path.write_text(text)
    with pytest.raises(FadError, match=message):
        read_asv_scores(path)
