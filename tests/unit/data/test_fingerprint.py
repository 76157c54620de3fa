"""The fingerprint of a dump changes with what training would read, and with nothing else."""

import os

import pytest

from fad.data import tables
from fad.data.fingerprint import fingerprint
from fad.utils.errors import FadError
from tests.helpers.corpus import write_audio_dump


def test_the_same_audio_at_another_place_is_the_same(tmp_path):
    one, other = (write_audio_dump(tmp_path / place, "train", 4) for place in ("a", "b"))
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize("table", ["utt2label", "utt2num_samples", "wav.scp"])
def test_another_class_length_or_file_is_seen(tmp_path, table):
    audio = write_audio_dump(tmp_path, "train", 4)
    before = fingerprint(audio)
    values = tables.read_table(audio / table)
    utt = next(iter(values))
    longer = tmp_path / "longer.wav"
    longer.write_bytes(b"x" * 100_000)
    values[utt] = {"utt2label": "bonafide", "utt2num_samples": "1", "wav.scp": str(longer)}[table]
    tables.write_table(audio / table, values)
    assert fingerprint(audio) != before


def test_an_audio_file_that_is_gone_is_named(tmp_path):
    audio = write_audio_dump(tmp_path, "train", 2)
    path = next(iter(tables.read_wav_scp(audio / "wav.scp").values()))
    (tmp_path / "wav" / "train").rename(tmp_path / "elsewhere")
    with pytest.raises(FadError, match=r"No such file.*stage 2") as caught:
        fingerprint(audio)
    assert path in str(caught.value)


def test_each_file_is_asked_for_once_and_none_stays_open(tmp_path, monkeypatch):
    audio = write_audio_dump(tmp_path, "train", 6)
    asked, before = [], len(os.listdir("/proc/self/fd"))
    plain = os.path.getsize
    monkeypatch.setattr(os.path, "getsize", lambda path: asked.append(path) or plain(path))
    fingerprint(audio)
    assert asked == list(tables.read_wav_scp(audio / "wav.scp").values())
    assert len(os.listdir("/proc/self/fd")) == before
