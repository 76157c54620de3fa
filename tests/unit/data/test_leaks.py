"""A clip or a speaker in two sets is named and counted; unknown speakers are never counted."""

import logging

import pytest

from fad.data.corpus import Clip, write_corpus
from fad.data.digests import DIGESTS
from fad.data.leaks import Overlap, count_speakers, overlap, warn_of_repeated
from fad.data.tables import read_table, write_table
from tests.helpers.corpus import write_audio_dump


@pytest.fixture
def clips(tmp_path):
    """Makes clips of (name, label, speaker, split)."""

    def make(*rows):
        found = []
        for name, label, speaker, split in rows:
            (tmp_path / f"{name}.wav").write_bytes(b"x")
            attack = "-" if label == "bonafide" else "A01"
            found.append(Clip(name, tmp_path / f"{name}.wav", label, attack, speaker, split))
        return found

    return make


def both(split, speaker):
    return [
        (f"{split}-{label}-{speaker}", label, speaker, split) for label in ("bonafide", "spoof")
    ]


def test_a_speaker_in_two_sets_is_named(tmp_path, clips, caplog):
    rows = [*both("train", "p1"), *both("dev", "p2"), *both("eval", "p1")]
    write_corpus(tmp_path / "data", "c", clips(*rows))
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith("train and eval have 1 speaker in common (p1): ")


def test_a_file_in_two_sets_is_named(tmp_path, clips, caplog):
    rows = clips(*both("train", "p1"), *both("dev", "p2"), *both("eval", "p3"))
    again = Clip("again", rows[0].path, "bonafide", "-", "p3", "eval")
    write_corpus(tmp_path / "data", "c", [*rows, again])
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(f"train and eval have 1 file in common ({rows[0].path}): ")


def test_unknown_speakers_are_no_speakers(tmp_path, clips, caplog):
    rows = [*both("train", "-"), *both("dev", "-"), *both("eval", "-")]
    with caplog.at_level(logging.INFO):
        write_corpus(tmp_path / "data", "c", clips(*rows))
    assert "1 bona fide, 1 spoof (A01 1), speakers unknown" in caplog.text
    assert "in common" not in caplog.text
    assert count_speakers({"u1": "u1", "u2": "p"}) == "1 speaker, and 1 clip of unknown ones"


def test_other_data_in_the_place_of_data_is_said(tmp_path, clips, caplog):
    rows = [*both("train", "p1"), *both("dev", "p2"), *both("eval", "p3")]
    write_corpus(tmp_path / "data", "c", clips(*rows))
    write_corpus(tmp_path / "data", "c", clips(*rows))
    assert not caplog.records
    write_corpus(tmp_path / "data", "d", clips(*rows))
    assert len(caplog.records) == 3
    assert "data/train: other data take the place of its 2 clips" in caplog.text


def test_the_same_samples_in_two_sets_are_counted(tmp_path):
    train = write_audio_dump(tmp_path, "train", 6)
    test = write_audio_dump(tmp_path, "eval", 6, seed=1)
    assert overlap(train, test) == Overlap(0, 0)
    known = read_table(train / DIGESTS)
    digests = read_table(test / DIGESTS) | {"eval-002": known["train-004"]}
    write_table(test / DIGESTS, digests)
    for audio, utts in ((train, ("train-000", "train-001")), (test, ("eval-003",))):
        write_table(audio / "utt2spk", read_table(audio / "utt2spk") | dict.fromkeys(utts, "p"))
    assert overlap(train, test) == Overlap(1, 1)


def test_repeated_clips_and_contradictory_labels_are_counted(tmp_path, caplog):
    audio = write_audio_dump(tmp_path, "train", 6)
    warn_of_repeated(audio)
    assert not caplog.records
    digests = read_table(audio / DIGESTS)
    again = dict.fromkeys(("train-001", "train-002"), digests["train-000"])  # one of each class
    write_table(audio / DIGESTS, digests | again)
    warn_of_repeated(audio)
    assert "1 clips are there as bona fide and as spoof" in caplog.text
    assert "2 clips have the samples of another clip there" in caplog.text
