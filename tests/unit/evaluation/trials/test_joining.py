"""Scores and keys that fit are joined; those that do not are told apart by what helps."""

from pathlib import Path

import pytest

from fad.evaluation.trials.joining import by_stem, join, read_any_key
from fad.evaluation.trials.keys import Key
from fad.evaluation.trials.score_files import ScoreFile
from fad.utils.errors import FadError

LABELS = {"a": "bonafide", "b": "spoof", "c": "bonafide", "d": "spoof", "e": "spoof"}
PHASES = {"a": "eval", "b": "eval", "c": "progress", "d": "progress", "e": "eval"}
SCORES = {utt: float(number) for number, utt in enumerate(LABELS)}


def scored(utts="abcde", labels=None, columns=None):
    scores = {utt: SCORES[utt[-1]] if utt in SCORES else 0.0 for utt in utts}
    return ScoreFile(Path("scores"), scores, labels, columns or {})


def key(columns=None, labels=LABELS):
    return Key(Path("key"), dict(labels), columns or {})


def test_scores_and_key_that_fit():
    trials = join(scored("edcba"), key({"codec": dict.fromkeys(LABELS, "gsm")}))
    assert trials.utts.tolist() == list("abcde")
    assert trials.scores.tolist() == [0, 1, 2, 3, 4]
    assert trials.is_bonafide.tolist() == [True, False, True, False, False]
    assert trials.columns["codec"].tolist() == ["gsm"] * 5


def test_scores_with_labels_need_no_key():
    attacks = {"attack": dict.fromkeys(LABELS, "A01")}
    assert join(scored(labels=LABELS, columns=attacks)).attacks.tolist() == ["A01"] * 5


def test_without_labels_the_remedy_is_told():
    with pytest.raises(FadError, match="scores: has no labels in it: give --key: "):
        join(scored())


def test_the_key_and_then_tables_say_what_is_true(tmp_path):
    (tmp_path / "utt2attack").write_text("".join(f"{utt} table\n" for utt in LABELS))
    mine = {name: dict.fromkeys(LABELS, "mine") for name in ("attack", "codec", "lang")}
    theirs = {name: dict.fromkeys(LABELS, "key") for name in ("attack", "codec")}
    found = join(scored(columns=mine), key(theirs), {"attack": tmp_path / "utt2attack"}).columns
    values = {name: set(column.tolist()) for name, column in found.items()}
    assert values == {"attack": {"table"}, "codec": {"key"}, "lang": {"mine"}}


def test_labels_that_contradict_the_key_are_refused():
    with pytest.raises(FadError, match="scores: 1 of its labels are not those of key, such as 'b'"):
        join(scored(labels=LABELS | {"b": "bonafide"}), key())


@pytest.mark.parametrize(
    ("utts", "message"),
    [
        ("abcd", r"has 4 scores and key 5 trials; trials without a score: 1 \(e\): score each"),
        ("a", r"trials without a score: 4 \(b, c, d, ...\)"),
        ("abcdexyzw", r"scores without a trial: 4 \(w, x, y, ...\): score each"),
        ("abcdx", r"trials without a score: 1 \(e\); scores without a trial: 1 \(x\)"),
        ("vwxyz", "no trial in common: is it the key of another set"),
        (['"a"', *"bcde"], "names in quotes on one side only: write them without"),
        (["a.flac", "b", "c", "d", "e"], "folders or endings on one side only.* --stems"),
        ([f"flac/{utt}.WAV" for utt in LABELS], "folders or endings on one side only.* --stems"),
    ],
)
def test_trials_missing_or_too_many(utts, message):
    with pytest.raises(FadError, match=message):
        join(scored(utts), key())


def test_scores_of_exactly_one_phase_are_told_so():
    with pytest.raises(
        FadError, match="exactly those of its phase 'eval': ask for it with --phase eval"
    ):
        join(scored("abe"), key({"phase": PHASES}))
    with pytest.raises(FadError, match="score each trial of the key"):
        join(scored("ab"), key({"phase": PHASES}))


@pytest.mark.parametrize(("utts", "kept"), [("abe", "abe"), ("abec", "abe"), ("abcde", "abcde")])
def test_one_phase_is_enough_where_it_is_asked_for(utts, kept):
    assert join(scored(utts), key({"phase": PHASES}), phase="eval").utts.tolist() == list(kept)


@pytest.mark.parametrize(
    ("utts", "phase", "phases", "message"),
    [
        ("ab", "eval", PHASES, r"trials without a score: 1 \(e\)"),
        ("abex", "eval", PHASES, r"scores without a trial: 1 \(x\)"),
        ("abcde", "evil", PHASES, "key: no trial of the phase 'evil': did you mean 'eval'"),
        ("abcde", "eval", None, "key: has no phases: leave --phase out"),
    ],
)
def test_a_phase_that_is_not_whole_or_not_there(utts, phase, phases, message):
    with pytest.raises(FadError, match=message):
        join(scored(utts), key({"phase": phases} if phases else {}), phase=phase)


def test_names_without_folders_and_endings():
    found = scored(["flac/a.flac", "x/b.WAV", "c", "d.mp3", "e.wav"])
    stemmed, same = by_stem(found, key({"phase": PHASES}))
    assert list(stemmed.scores) == list("abcde")
    assert join(stemmed, same).utts.tolist() == list("abcde")
    theirs = {f"{utt}.wav": label for utt, label in LABELS.items()}
    assert join(*by_stem(scored(), key(labels=theirs))).utts.tolist() == list("abcde")


@pytest.mark.parametrize("name", ["a.1", "a.b.c", ".wav", "a.npy"])
def test_a_dot_that_opens_no_audio_ending_stays(name):
    assert list(by_stem(scored([f"x/{name}"]), None)[0].scores) == [name]


def test_names_that_become_the_same_are_refused():
    with pytest.raises(FadError, match=r"scores: 'x/a.wav' and 'y/a.wav' both become 'a'"):
        by_stem(scored(["x/a.wav", "y/a.wav"]), None)


def test_a_data_directory_is_a_key(tmp_path):
    for name, value in (("utt2spk", "p1"), ("utt2attack", "A01"), ("utt2codec", "gsm")):
        (tmp_path / name).write_text("".join(f"{utt} {value}\n" for utt in LABELS))
    (tmp_path / "utt2label").write_text("".join(f"{u} {label}\n" for u, label in LABELS.items()))
    found = read_any_key(tmp_path)
    assert found.labels == LABELS
    assert set(found.columns) == {"speaker", "attack", "codec"}
