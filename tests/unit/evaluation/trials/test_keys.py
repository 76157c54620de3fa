"""Keys in the organisers' own formats; the lines are theirs, or as theirs."""

import os
from pathlib import Path

import pytest

from fad.evaluation.trials.keys import pa_phase, read_key
from fad.utils.errors import FadError

SHARED = Path(__file__).parents[5] / "shared" / "data"

LA_2019 = "LA_0069 LA_D_1047731 - - bonafide\nLA_0039 LA_E_2834763 - A11 spoof\n"
LA_2021 = (
    "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval\n"
    "LA_0020 LA_E_7294490 g722 loc_tx bonafide bonafide notrim eval\n"
    "LA_0020 LA_E_7294491 none loc_tx bonafide bonafide trim hidden\n"
)
PA_2021 = (
    "PA_0010 PA_E_1000001 R3 M3 d4 r1 m1 s4 c4 spoof notrim eval\n"
    "PA_0011 PA_E_1000002 R3 M3 D4 - - - - bonafide notrim eval\n"
    "PA_0010 PA_E_1000003 R1 M3 d4 r2 m1 s4 c4 spoof notrim hidden\n"
    "PA_0010 PA_E_1000004 R1 M3 d4 r2 m1 s3 c4 spoof trim hidden\n"
)
DF_2021 = (
    "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -\n"
    "TEF2 DF_E_2000013 low_m4a vcc2020 Task1-team20 spoof notrim eval "
    "neural_vocoder_nonautoregressive Task1 team20 FF E\n"
    "VCC2TM2 DF_E_2000014 mp3m4a vcc2018 - bonafide notrim eval bonafide - - - -\n"
)
ASVSPOOF5 = (
    "E_4608 E_0000000024 M C11 4 E_0004890277 AC1 A24 spoof -\n"
    "E_2040 E_0000000034 M - 0 - AC1 A31 spoof -\n"
    "E_0461 E_0000000190 F - 0 - - bonafide bonafide -\n"
)


@pytest.fixture
def key(tmp_path):
    def read(text, *options):
        (tmp_path / "key").write_text(text)
        return read_key(tmp_path / "key", *options)

    return read


def test_asvspoof_2019(key):
    found = key(LA_2019)
    assert found.labels == {"LA_D_1047731": "bonafide", "LA_E_2834763": "spoof"}
    assert found.columns == {
        "speaker": {"LA_D_1047731": "LA_0069", "LA_E_2834763": "LA_0039"},
        "attack": {"LA_D_1047731": "-", "LA_E_2834763": "A11"},
    }


def test_asvspoof_2019_pa_has_environments(key):
    found = key("PA_0079 PA_T_0000001 aaa - bonafide\nPA_0079 PA_T_0005401 aab AA spoof\n")
    assert found.columns["environment"] == {"PA_T_0000001": "aaa", "PA_T_0005401": "aab"}


def test_asvspoof_2021_la(key):
    found = key(LA_2021)
    assert list(found.labels.values()) == ["spoof", "bonafide", "bonafide"]
    assert set(found.columns) == {"speaker", "codec", "transmission", "attack", "phase"}
    assert found.columns["attack"] == {
        **{"LA_E_9332881": "A07", "LA_E_7294490": "-", "LA_E_7294491": "-"}
    }
    assert list(found.columns["codec"].values()) == ["alaw", "g722", "none"]
    assert list(found.columns["phase"].values()) == ["eval", "eval", "hidden"]


def test_asvspoof_2021_pa_tells_its_two_hidden_subsets_apart(key):
    found = key(PA_2021)
    assert list(found.labels.values()) == ["spoof", "bonafide", "spoof", "spoof"]
    assert list(found.columns["phase"].values()) == ["eval", "eval", "hidden1", "hidden2"]
    assert list(found.columns["replay_device"].values()) == ["s4", "-", "s4", "s3"]
    assert "trim" not in found.columns and "microphone" not in found.columns  # all the same


@pytest.mark.parametrize(
    ("phase", "trim", "name"),
    [("hidden", "notrim", "hidden1"), ("hidden", "trim", "hidden2"), ("eval", "trim", "eval")],
)
def test_phases_of_pa(phase, trim, name):
    assert pa_phase(phase, trim) == name


def test_asvspoof_2021_df_says_nothing_of_the_vocoder_of_bona_fide_speech(key):
    found = key(DF_2021)
    assert list(found.columns["attack"].values()) == ["A14", "Task1-team20", "-"]
    assert list(found.columns["vocoder"].values())[2] == "-"
    assert list(found.columns["source"].values()) == ["asvspoof", "vcc2020", "vcc2018"]
    assert list(found.columns["lang"].values()) == ["-", "E", "-"]


def test_asvspoof_5(key):
    found = key(ASVSPOOF5)
    assert list(found.labels.values()) == ["spoof", "spoof", "bonafide"]
    assert set(found.columns) == {"speaker", "gender", "codec", "attack"}
    assert list(found.columns["codec"].values()) == ["C11", "-", "-"]


def test_asvspoof_5_key_with_a_header(key):
    found = key("filename\tcm-label\nE_000001\tbonafide\nE_000002\tspoof\n")
    assert found.labels == {"E_000001": "bonafide", "E_000002": "spoof"} and not found.columns


def test_in_the_wild(key):
    found = key("file,speaker,label\n0.wav,Alec Guinness,spoof\n4.wav,Christopher Lee,bona-fide\n")
    assert found.labels == {"0.wav": "spoof", "4.wav": "bonafide"}
    assert found.columns["speaker"]["4.wav"] == "Christopher Lee"


def test_columns_of_ones_own(key):
    text = "Clip\tTruth\tRoom\nu1\t1\tA\nu2\t0\tB\n"
    found = key(text, {"utt": "Clip", "label": "Truth", "room": "Room"}, "1")
    assert found.labels == {"u1": "bonafide", "u2": "spoof"}
    assert found.columns == {"room": {"u1": "A", "u2": "B"}}


def test_two_columns(key):
    assert key("u1 genuine\nu2 fake\n").labels == {"u1": "bonafide", "u2": "spoof"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("LA_E_9332881\n", "a list of trials, without labels: give the key"),
        (LA_2019.replace("- - bona", "- A01 bona"), ":1: attack 'A01' of bona fide speech"),
        (LA_2019.replace("A11", "bonafide"), ":2: attack 'bonafide' of spoofed speech"),
        (LA_2019.replace("spoof", "nontarget"), ":2: label 'nontarget'"),
        (LA_2021 + LA_2021, r":4: 'LA_E_9332881' occurs twice \(6 lines, 3 names\)"),
        (LA_2021 + LA_2019, ":4: 5 columns where 8 are expected: 'speaker utt codec"),
        ("u1 1\nu2 0\n", ":1: label '1' may mean .* --bonafide 1"),
        ("utt,score\nu1,1\n", "no column for 'label' in the header .* --key_columns label="),
        ("a b c\n", ":1: 3 columns, but without a header expected is one of"),
    ],
)
def test_what_is_no_key_is_refused(key, text, message):
    with pytest.raises(FadError, match=message):
        key(text)


@pytest.mark.parametrize(
    ("name", "trials", "bonafide", "attacks"),
    [("train.trn", 25380, 2580, 6), ("dev.trl", 24844, 2548, 6), ("eval.trl", 71237, 7355, 13)],
)
def test_the_official_protocols_of_2019(name, trials, bonafide, attacks):
    corpus = Path(os.environ.get("FAD_SHARED_DATA", SHARED)) / "asvspoof2019_la"
    if not corpus.is_dir():
        pytest.skip(f"the ASVspoof 2019 LA protocols are not there: {corpus} (FAD_SHARED_DATA)")
    found = read_key(corpus / "protocols" / f"ASVspoof2019.LA.cm.{name}.txt")
    assert len(found.labels) == trials
    assert sum(label == "bonafide" for label in found.labels.values()) == bonafide
    assert len(set(found.columns["attack"].values()) - {"-"}) == attacks
