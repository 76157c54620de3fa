import pytest

from fad.evaluation.trials.asv_scores import read_asv_scores
from fad.utils.errors import FadError

LA_KEY = (
    "LA_0007-alaw-ita_tx LA_E_5013670-alaw-ita_tx alaw ita_tx bonafide nontarget notrim eval\n"
    "LA_0008-alaw-ita_tx LA_E_5013671-alaw-ita_tx alaw ita_tx bonafide target notrim eval\n"
    "LA_0008-alaw-ita_tx LA_E_5013670-alaw-ita_tx alaw ita_tx A07 spoof notrim eval\n"
    "LA_0009-alaw-ita_tx LA_E_5013670-alaw-ita_tx alaw ita_tx bonafide target notrim progress\n"
    "LA_0009-alaw-ita_tx LA_E_5013672-alaw-ita_tx alaw ita_tx bonafide nontarget notrim progress\n"
    "LA_0009-alaw-ita_tx LA_E_5013673-alaw-ita_tx alaw ita_tx A09 spoof notrim progress\n"
)
PA_KEY = "".join(
    f"PA_1 PA_E_{number} R3 M3 d4 r1 m1 s4 c4 {kind} {trim} hidden\n"
    for number, (kind, trim) in enumerate(
        (kind, trim) for trim in ("notrim", "trim") for kind in ("target", "nontarget", "spoof")
    )
)


def write(path, text):
    path.write_text(text)
    return path


def scores_of(key):
    """The trials of a key with the scores 0, 1, 2, ... in the reverse order."""
    pairs = [line.split()[:2] for line in key.splitlines()]
    return "".join(
        f"{speaker} {utt} {number}\n" for number, (speaker, utt) in reversed([*enumerate(pairs)])
    )


def as_lists(scores):
    return {kind: values.tolist() for kind, values in scores.items()}


def test_asvspoof_2019(tmp_path):
    text = "bonafide target 2\nbonafide nontarget -2\nA07 spoof 1\nA08 spoof 0.5\n"
    found = read_asv_scores(write(tmp_path / "asv", text))
    assert as_lists(found) == {"target": [2.0], "nontarget": [-2.0], "spoof": [1.0, 0.5]}


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("eval", {"target": [1.0], "nontarget": [0.0], "spoof": [2.0]}),
        ("progress", {"target": [3.0], "nontarget": [4.0], "spoof": [5.0]}),
        (None, {"target": [3.0, 1.0], "nontarget": [4.0, 0.0], "spoof": [5.0, 2.0]}),
    ],
)
def test_asvspoof_2021_by_phase_in_any_order(tmp_path, phase, expected):
    key = write(tmp_path / "key", LA_KEY)
    found = read_asv_scores(write(tmp_path / "asv", scores_of(LA_KEY)), key, phase)
    assert as_lists(found) == expected


def test_asvspoof_2021_pa_has_two_hidden_subsets(tmp_path):
    key, scores = write(tmp_path / "key", PA_KEY), write(tmp_path / "asv", scores_of(PA_KEY))
    found = read_asv_scores(scores, key, "hidden2")
    assert as_lists(found) == {"target": [3.0], "nontarget": [4.0], "spoof": [5.0]}
    with pytest.raises(FadError, match="no trial of the phase 'hidden': did you mean 'hidden"):
        read_asv_scores(scores, key, "hidden")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bonafide target 2\nA07 spoof 1\n", "no nontarget trials"),
        ("bonafide impostor 2\n", ":1: kind of trial 'impostor'"),
        (scores_of(LA_KEY), ":1: kind of trial 'LA_E_.*ASVspoof 2021 need --asv_key"),
        ("bonafide target 2 3\n", ":1: 4 columns where 3"),
        ("bonafide target nan\n", ":1: score 'nan' is not finite"),
    ],
)
def test_bad_asv_scores_of_2019_are_refused(tmp_path, text, message):
    with pytest.raises(FadError, match=message):
        read_asv_scores(write(tmp_path / "asv", text))


FIRST = scores_of(LA_KEY).splitlines(keepends=True)[0]


@pytest.mark.parametrize(
    ("key", "scores", "message"),
    [
        (LA_KEY, scores_of(LA_KEY).replace(FIRST, ""), "asv: 1 of the 6 trials of .*key have no"),
        (LA_KEY, scores_of(LA_KEY) + "LA_1 LA_2 3\n", "asv:7: 'LA_1 LA_2' is no trial of .*key"),
        (LA_KEY, scores_of(LA_KEY) + FIRST, "asv:7: 'LA_0009.*' occurs twice"),
        (LA_KEY.replace("spoof", "bonafide"), "", "key:3: expected ASVspoof 2021's ASV/trial_met"),
        ("LA_1 LA_2 target\n", "", "key:1: expected ASVspoof 2021's"),
    ],
)
def test_scores_and_key_of_2021_must_fit(tmp_path, key, scores, message):
    with pytest.raises(FadError, match=message):
        read_asv_scores(write(tmp_path / "asv", scores), write(tmp_path / "key", key))


def test_asv_scores_of_other_attacks_are_of_another_set(tmp_path):
    path = tmp_path / "asv"
    path.write_text("bonafide target 2\nbonafide nontarget 1\nA01 spoof 1\nA02 spoof 0\n")
    assert read_asv_scores(path, attacks=["A02", "A07"])["spoof"].tolist() == [1.0, 0.0]
    assert read_asv_scores(path)["spoof"].size == 2
    with pytest.raises(FadError, match="spoofs are of A01, A02, and those of the trials of A07"):
        read_asv_scores(path, attacks=["A07"])
