import numpy as np
import pytest

from fad.evaluation.sasv.files import read_sasv_key, read_sasv_scores, read_sasv_trials
from fad.utils.errors import FadError

HEADER = "spk\tfilename\tcm-score\tasv-score\tsasv-score\n"
TANDEM = HEADER + "E_1\tE_001\t0.5\t-1\t2e-1\nE_1\tE_002\t-3\t4\t-.5\nE_2\tE_002\t1\t2\t3\n"
SINGLE = HEADER + "E_1\tE_001\t-\t-\t0.2\nE_1\tE_002\t-\t-\t-0.5\nE_2\tE_002\t-\t-\t3\n"
PLAIN = "E_1 E_001 0.2\nE_1 E_002 -0.5\nE_2 E_002 3\n"
KEY = (
    "spk\tfilename\tcm-label\tasv-label\n"
    "E_2\tE_002\tbonafide\ttarget\nE_1\tE_001\tbonafide\tnontarget\nE_1\tE_002\tspoof\tspoof\n"
)
KINDS = {"E_2 E_002": "target", "E_1 E_001": "nontarget", "E_1 E_002": "spoof"}


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_a_submission_of_a_tandem_has_three_scores(write):
    found = read_sasv_scores(write("score.tsv", TANDEM))
    assert found == {
        "cm": {"E_1 E_001": 0.5, "E_1 E_002": -3.0, "E_2 E_002": 1.0},
        "asv": {"E_1 E_001": -1.0, "E_1 E_002": 4.0, "E_2 E_002": 2.0},
        "sasv": {"E_1 E_001": 0.2, "E_1 E_002": -0.5, "E_2 E_002": 3.0},
    }


@pytest.mark.parametrize("text", [SINGLE, PLAIN, PLAIN.replace(" ", "\t")])
def test_a_single_system_has_one_score(write, text):
    found = read_sasv_scores(write("score.tsv", text))
    assert found == {"sasv": {"E_1 E_001": 0.2, "E_1 E_002": -0.5, "E_2 E_002": 3.0}}


def test_a_header_in_capitals_with_underscores(write):
    text = "SPK FILENAME SASV_SCORE\nE_1 E_001 0.2\n"
    assert read_sasv_scores(write("score.tsv", text)) == {"sasv": {"E_1 E_001": 0.2}}


def test_columns_are_told_by_name_not_by_place(write):
    text = "sasv-score filename spk\n0.2 E_001 E_1\n"
    assert read_sasv_scores(write("score.tsv", text)) == {"sasv": {"E_1 E_001": 0.2}}


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        KEY.replace("-label", "_label"),
        KEY.replace("spk\tfilename", "tar_spk_anon\ttrial_anon").replace("\t", " "),
        KEY.replace("cm-label\t", "").replace("bonafide\t", "").replace("spoof\tspoof", "spoof"),
        KEY.partition("\n")[2].replace("bonafide\t", "").replace("spoof\tspoof", "spoof"),
        KEY.partition("\n")[2].replace("spoof\tspoof", "A07\tspoof"),  # the protocol of SASV 2022
    ],
    ids=["track 2", "underscores", "full key", "no cm-label", "plain", "SASV 2022"],
)
def test_keys_in_all_forms(write, text):
    assert read_sasv_key(write("key.tsv", text)) == KINDS


def test_other_columns_of_a_key_do_not_matter(write):
    rows = [line.split("\t") for line in KEY.splitlines()]
    text = "".join("\t".join([*row, f"codec{index}"]) + "\n" for index, row in enumerate(rows))
    assert read_sasv_key(write("key.tsv", text)) == KINDS


def test_trials_are_joined_by_speaker_and_utterance(write):
    trials = read_sasv_trials(write("score.tsv", TANDEM), write("key.tsv", KEY))
    found = {
        system: {kind: scores.tolist() for kind, scores in trials.of(system).items()}
        for system in trials.scores
    }
    assert found == {
        "cm": {"target": [1.0], "nontarget": [0.5], "spoof": [-3.0]},
        "asv": {"target": [2.0], "nontarget": [-1.0], "spoof": [4.0]},
        "sasv": {"target": [3.0], "nontarget": [0.2], "spoof": [-0.5]},
    }
    assert trials.scores["cm"].dtype == np.float64


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "score.tsv: is empty: expected a header, or lines of 'spk filename sasv-score'"),
        (HEADER, "no scores in it"),
        (HEADER + "E_1\tE_001\t-\t-\t-\n", "no scores in it"),
        (HEADER.replace("cm-score", "cm-scor") + "a b 1 1 1\n", ":1: unknown column 'cm-scor': di"),
        (HEADER.replace("cm-score", "sasv-score"), ":1: column 'sasv-score' comes twice"),
        ("filename\tsasv-score\nE_1\t1\n", ":1: the header lacks spk"),
        (HEADER + "E_1\tE_001\t1\t1\n", ":2: 4 columns where 5 are expected: 'spk filename cm-s"),
        (PLAIN + "E_1 E_003\n", ":4: 2 columns where 3 are expected: 'spk filename sasv-score'"),
        (PLAIN + "E_1 E_001 1\n", ":4: trial 'E_1 E_001' occurs twice"),
        (PLAIN + "E_3 E_001 high\n", ":4: 'high' is not a number"),
        (PLAIN + "E_3 E_001 1_0\n", ":4: '1_0' is not a number"),
        (PLAIN + "E_3 E_001 nan\n", ":4: score 'nan' is not finite"),
        (PLAIN + "E_3 E_001 -inf\n", ":4: score '-inf' is not finite"),
        (
            TANDEM + "E_3\tE_001\t-\t1\t1\n",
            ": 1 of 4 trials have '-' as cm-score, the first 'E_3 E_001': score all of them or non",
        ),
    ],
)
def test_bad_scores_are_refused_with_their_place(write, text, says):
    with pytest.raises(FadError) as error:
        read_sasv_scores(write("score.tsv", text))
    assert says in str(error.value) and "score.tsv" in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("spk filename cm-label\na b spoof\n", ":1: the header lacks asv-label"),
        ("a b impostor\n", ":1: label 'impostor' is none of target, nontarget, spoof"),
        ("a b target\na b spoof\n", ":2: trial 'a b' occurs twice"),
        ("a b c d target\n", ":1: 5 columns where 3 are expected"),
        (KEY.replace("spoof\tspoof", "bonafide\tspoof"), ":4: cm-label 'bonafide' of a spoof tri"),
        (KEY.replace("bonafide\ttarget", "spoof\ttarget"), ":2: cm-label 'spoof' of a target tri"),
    ],
)
def test_bad_keys_are_refused_with_their_place(write, text, says):
    with pytest.raises(FadError) as error:
        read_sasv_key(write("key.tsv", text))
    assert says in str(error.value) and "key.tsv" in str(error.value)


@pytest.mark.parametrize(
    ("scores", "key", "says"),
    [
        (PLAIN.replace("E_2 E_002 3\n", ""), KEY, r"1 only in .*key.tsv \(E_2 E_002\): score exa"),
        (PLAIN + "E_9 E_002 3\n", KEY, r"1 only in .*score.tsv \(E_9 E_002\): score exactly the"),
        (PLAIN, KEY.replace("nontarget", "target"), "key.tsv: no nontarget trial: all three kinds"),
    ],
)
def test_missing_and_extra_trials_and_kinds_are_named(write, scores, key, says):
    with pytest.raises(FadError, match=says):
        read_sasv_trials(write("score.tsv", scores), write("key.tsv", key))
