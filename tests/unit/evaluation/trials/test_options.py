"""Files of scores become trials as the user says, the same for every program."""

from argparse import ArgumentParser

import pytest

from fad.evaluation.trials.options import add_key_options, add_score_options
from fad.evaluation.trials.reading import read_systems, read_trials
from fad.utils.errors import FadError

KEY = "utt label phase\na bonafide eval\nb spoof eval\nc bonafide progress\nd spoof progress\n"
SCORES = "a 1\nb 2\nc 3\nd 4\n"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Writes files by name into the current directory."""
    monkeypatch.chdir(tmp_path)

    def write(**content):
        for name, text in content.items():
            (tmp_path / name).write_text(text)

    return write


def parse(*words):
    parser = ArgumentParser()
    add_score_options(parser)
    add_key_options(parser)
    return parser.parse_args(words)


def systems(*words, of=("x", "y"), tables=None):
    return ["".join(system.utts) for system in read_systems(parse(*words), list(of), tables or {})]


def test_systems_are_of_the_phase_that_is_asked_for_and_else_of_eval(files):
    files(x=SCORES, y="d 1\nc 1\nb 1\na 1\n", key=KEY)
    assert systems("--key", "key") == systems("--labels", "key") == ["ab", "ab"]
    assert systems("--key", "key", "--phase", "progress") == ["cd", "cd"]
    whole = read_trials(parse("--key", "key"), ["x", "y"], {})
    assert ["".join(trials.utts) for trials in whole] == ["abcd", "abcd"]


def test_of_one_phase_others_need_no_scores(files):
    files(x=SCORES, y="a 1\nb 1\n", key=KEY)
    assert systems("--key", "key", "--phase", "eval") == ["ab", "ab"]
    with pytest.raises(FadError, match=r"y has 2 scores .* ask for it with --phase eval"):
        systems("--key", "key")


@pytest.mark.parametrize(
    ("lines", "told"), [(SCORES[4:], r"1 \(a\)"), (SCORES + "e 1\n", r"\(e\)")]
)
def test_trials_that_a_system_lacks_or_has_too_many_are_named(files, lines, told):
    files(x=SCORES, y=lines, key=KEY.replace(" phase", " codec"))
    with pytest.raises(FadError, match=f"^y has . scores and key 4 trials; .*{told}"):
        systems("--key", "key")


def test_phases_that_one_system_alone_knows_are_not_compared(files):
    files(x="utt label phase score\na bonafide eval 1\nb spoof eval 0\nc spoof dev 1\n", y=SCORES)
    files(y="a 1\nb 2\nc 3\n", key="a bonafide\nb spoof\nc spoof\n")
    with pytest.raises(FadError, match=r"^x and y have different keys: 1 only in y \(c\): give a"):
        systems("--key", "key")


def test_labels_in_any_file_are_the_key_of_all_and_must_agree(files):
    files(x="a 1\nb 2\n", y="a - bonafide 1\nb A01 spoof 1\n", z="a A01 spoof 1\nb - bonafide 1\n")
    x, y = read_trials(parse(), ["x", "y"], {})
    assert x.is_bonafide.tolist() == y.is_bonafide.tolist() == [True, False]
    assert x.attacks.tolist() == ["-", "A01"]
    with pytest.raises(FadError, match=r"^z: 2 of its labels are not those of y, such as 'a'"):
        read_trials(parse(), ["x", "y", "z"], {})
    with pytest.raises(FadError, match=r"^x: has no labels in it: give --key"):
        read_trials(parse(), ["x", "x"], {})


def test_named_columns_numbers_for_labels_and_stems(files):
    files(
        x="clip,real,fake\nf/a.wav,3,1\nf/b.wav,1,2\n",
        key="name,truth\na.flac,0\nb.flac,1\n",
        utt2spk="a s1\nb s2\n",
    )
    words = ["--columns", "utt=clip,bonafide_logit=real,spoof_logit=fake", "--stems"]
    words += ["--key", "key", "--key_columns", "utt=name,label=truth", "--bonafide", "0"]
    (found,) = read_trials(parse(*words), ["x"], {"speaker": "utt2spk", "attack": None})
    assert found.scores.tolist() == [2.0, -1.0]
    assert found.is_bonafide.tolist() == [True, False]
    assert found.speakers.tolist() == ["s1", "s2"]
    assert set(found.columns) == {"speaker"}


def test_columns_of_a_key_need_a_key(files):
    with pytest.raises(FadError, match=r"--key_columns goes with --key"):
        read_trials(parse("--key_columns", "label=truth"), ["x"], {})
