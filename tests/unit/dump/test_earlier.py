"""A dump that is made again: what has not changed is not decoded, what has is always seen."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from fad.bin.dump_audio import main
from fad.data.digests import DIGESTS, digest_of, state_of
from fad.data.tables import read_table, write_data_dir, write_table
from fad.dump import audio as audio_dump
from fad.dump import earlier, made_from, shards
from fad.dump.made_from import why_stale

RATE = 16_000
DATA, OUT = Path("data/train"), Path("dump/train")


def noise(seed: int, rate: int = RATE) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, rate // 2)


@pytest.fixture
def decoded(tmp_path, monkeypatch) -> list[str]:
    """Six clips in three shards, dumped once; the files that are decoded from then on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shards, "FEWEST", 3)
    Path("in").mkdir()
    utts = {f"c-{n}": f"in/{n}.wav" for n in range(6)}
    for n, path in enumerate(utts.values()):  # the last two are converted
        sf.write(path, noise(n, RATE if n < 4 else 8000), RATE if n < 4 else 8000, "PCM_16")
    labels = {utt: ("bonafide", "spoof")[n % 2] for n, utt in enumerate(utts)}
    attacks = {utt: "-" if label == "bonafide" else "A01" for utt, label in labels.items()}
    speakers = dict.fromkeys(utts, "s")
    columns = {"utt2label": labels, "utt2attack": attacks, "utt2spk": speakers}
    write_data_dir(DATA, {"wav.scp": utts, **columns})
    found: list[str] = []
    read = audio_dump.read_audio
    monkeypatch.setattr(
        audio_dump, "read_audio", lambda path: found.append(path.stem) or read(path)
    )
    dump()
    found.clear()
    return found


def dump(*options: str) -> None:
    words = ["--data", str(DATA), "--out", str(OUT), *options]
    main(words)
    main([*words, "--combine", "true"])


def is_done(*options: str) -> bool:
    with pytest.raises(SystemExit) as ended:
        main(["--data", str(DATA), "--out", str(OUT), "--is_done", "true", *options])
    assert ended.value.code in (0, 3)
    return ended.value.code == 0


def replace(n: int) -> None:
    """Other audio of the same length and size, with the old time of modification."""
    path = Path(f"in/{n}.wav")
    before, rate = path.stat(), sf.info(path).samplerate
    sf.write(path, noise(100 + n, rate), rate, "PCM_16")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_the_digest_is_of_the_samples_that_the_dump_holds(decoded):
    digests = read_table(OUT / DIGESTS)
    for utt, path in read_table(OUT / "wav.scp").items():
        samples, _ = sf.read(path, dtype="float32")
        assert digests[utt] == digest_of(samples)
    assert len(set(digests.values())) == 6


def test_nothing_is_decoded_when_nothing_has_changed(decoded):
    assert is_done()
    before = {path: path.read_bytes() for path in OUT.rglob("*") if path.is_file()}
    dump()
    assert decoded == []
    assert {path: path.read_bytes() for path in OUT.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("n", [0, 5])
def test_audio_replaced_by_other_of_the_same_length_is_decoded_again(decoded, n):
    before = read_table(OUT / DIGESTS)
    replace(n)
    assert f"in/{n}.wav has changed" in (why_stale(DATA, OUT, False) or "")
    assert not is_done()
    dump()
    assert decoded == [str(n // 2 * 2), str(n // 2 * 2 + 1)]  # of its shard
    after = read_table(OUT / DIGESTS)
    assert [utt for utt in before if before[utt] != after[utt]] == [f"c-{n}"]
    samples, _ = sf.read(read_table(OUT / "wav.scp")[f"c-{n}"], dtype="float32")
    assert after[f"c-{n}"] == digest_of(samples)
    assert is_done()


def test_a_time_of_modification_alone_could_not_see_that(decoded, monkeypatch):
    """The planted fault: a state without the time of change."""

    def weak(path):
        found = os.stat(path)
        return f"{found.st_size:08x}{found.st_mtime_ns & 0xFFFFFFFF:08x}"

    for module in (audio_dump, made_from):
        monkeypatch.setattr(module, "state_of", weak)
    dump()
    replace(0)
    assert is_done()


def test_another_label_is_seen_and_needs_no_decoding(decoded):
    labels = read_table(DATA / "utt2label") | {"c-0": "spoof"}
    write_table(DATA / "utt2label", labels)
    write_table(DATA / "utt2attack", read_table(DATA / "utt2attack") | {"c-0": "A02"})
    assert why_stale(DATA, OUT, False) == f"{DATA}/utt2attack has changed since {OUT} was made"
    assert not is_done()
    dump()
    assert decoded == []
    assert read_table(OUT / "utt2label") == labels
    assert is_done()


def test_a_converted_clip_that_is_gone_is_made_again(decoded):
    Path(read_table(OUT / "wav.scp")["c-5"]).unlink()
    assert "c-5.flac is missing" in (why_stale(DATA, OUT, False) or "")
    dump()
    assert decoded == ["4", "5"]


def test_bad_clips_are_tried_again_unless_they_are_to_be_skipped(decoded):
    Path("in/3.wav").write_text("no audio")
    dump("--on_error", "skip")
    assert not is_done()
    assert is_done("--on_error", "skip")
    sf.write("in/3.wav", noise(3), RATE, "PCM_16")
    assert not is_done("--on_error", "skip")
    dump()
    assert is_done() and len(read_table(OUT / "wav.scp")) == 6


@pytest.mark.parametrize("left", ["wav.scp", "made_from.json", "utt2state", "utt2digest"])
def test_a_dump_that_lost_a_file_is_made_again(decoded, left):
    whole = {path: path.read_bytes() for path in OUT.rglob("*") if path.is_file()}
    (OUT / left).unlink()
    if left == "utt2digest":  # what reads it says so itself
        shutil.rmtree(OUT / "flac")
    assert not is_done()
    dump()
    assert {path: path.read_bytes() for path in OUT.rglob("*") if path.is_file()} == whole


def test_another_decoder_decodes_anew(decoded, monkeypatch):
    monkeypatch.setattr(made_from, "DECODER", 99)
    monkeypatch.setattr(audio_dump, "DECODER", 99)
    assert "another version" in (why_stale(DATA, OUT, False) or "")
    dump()
    assert decoded == list("012345")


def test_a_job_that_was_killed_leaves_what_was_there_to_look_up(decoded):
    replace(2)
    words = ["--data", str(DATA), "--out", str(OUT), "--nj", "3"]
    main([*words, "--job", "1"])  # and then killed: the dump is not finished
    assert (OUT / earlier.ASIDE).is_file() and not (OUT / "wav.scp").is_file()
    dump()
    assert decoded == ["2", "3"]
    assert not (OUT / earlier.ASIDE).exists()


ODD = ["[", "[]", "{}", f'{{"decoder": {made_from.DECODER}, "tables": 3, "bad": 7}}', "[" * 99999]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_an_odd_record_is_none(decoded, text):
    (OUT / made_from.RECORD).write_text(text)
    assert why_stale(DATA, OUT, False)


def test_a_state_changes_with_the_file_and_a_missing_one_has_none(tmp_path):
    (tmp_path / "a").write_text("x")
    before = state_of(tmp_path / "a")
    assert before == state_of(tmp_path / "a")
    (tmp_path / "a").write_text("xy")
    assert state_of(tmp_path / "a") != before
    assert state_of(tmp_path / "b") == "missing" == state_of("nul\0")
