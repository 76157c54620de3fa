"""The fingerprint of a dump changes with what training would read, and with nothing else."""

import os

import pytest

from fad.data import tables
from fad.data.digests import DIGESTS
from fad.data.fingerprint import audio_fingerprint, fingerprint
from fad.utils.errors import FadError
from tests.helpers.corpus import write_audio_dump


def test_the_same_audio_at_another_place_is_the_same(tmp_path):
    one, other = (write_audio_dump(tmp_path / place, "train", 4) for place in ("a", "b"))
    assert fingerprint(one) == fingerprint(other)
    assert audio_fingerprint(one) == audio_fingerprint(other) != fingerprint(one)


def test_other_samples_of_the_same_length_are_seen(tmp_path):
    one, other = (write_audio_dump(tmp_path / str(seed), "train", 4, seed=seed) for seed in (1, 2))
    assert (one / tables.LENGTHS).read_bytes() == (other / tables.LENGTHS).read_bytes()
    assert fingerprint(one) != fingerprint(other)
    assert audio_fingerprint(one) != audio_fingerprint(other)


def test_another_class_is_other_training_data_and_the_same_audio(tmp_path):
    audio = write_audio_dump(tmp_path, "train", 4)
    before = fingerprint(audio), audio_fingerprint(audio)
    labels = tables.read_table(audio / "utt2label")
    tables.write_table(audio / "utt2label", dict.fromkeys(labels, "spoof"))
    assert fingerprint(audio) != before[0]
    assert audio_fingerprint(audio) == before[1]


@pytest.mark.parametrize("read", [fingerprint, audio_fingerprint])
def test_a_dump_without_digests_is_an_older_one(tmp_path, read):
    audio = write_audio_dump(tmp_path, "train", 2)
    (audio / DIGESTS).unlink()
    with pytest.raises(FadError, match=r"train: has no utt2digest \(an older dump\): run stage 2"):
        read(audio)


def test_a_digest_that_is_none_is_refused(tmp_path):
    audio = write_audio_dump(tmp_path, "train", 2)
    digests = tables.read_table(audio / DIGESTS)
    tables.write_table(audio / DIGESTS, dict.fromkeys(digests, "ab"))
    with pytest.raises(FadError, match=r"utt2digest: 'train-000' has 'ab' as its digest: run"):
        fingerprint(audio)


def test_no_file_of_audio_is_opened_and_no_table_stays_open(tmp_path):
    audio, before = write_audio_dump(tmp_path, "train", 6), len(os.listdir("/proc/self/fd"))
    (tmp_path / "wav").rename(tmp_path / "elsewhere")
    fingerprint(audio)
    assert len(os.listdir("/proc/self/fd")) == before
