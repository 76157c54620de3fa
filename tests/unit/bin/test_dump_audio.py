"""The audio dump as its users call it: jobs, then combine."""

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from fad.bin.dump_audio import main
from fad.data.tables import read_table, validate_data_dir, write_data_dir
from fad.dump import audio as audio_dump
from fad.dump import shards
from fad.dump.shards import Parts
from fad.utils.errors import FadError

RATE = 16000


def noise(seconds: float, rate: int = RATE, peak: float = 0.5) -> np.ndarray:
    wav = np.random.default_rng(int(rate * seconds)).uniform(-1, 1, int(seconds * rate))
    return peak * wav / np.abs(wav).max()


@pytest.fixture
def corpus(tmp_path, monkeypatch) -> Path:
    """Six clips, two of which are 16 kHz mono 16-bit already; paths are relative."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    sf.write("in/asis.wav", noise(0.5), RATE, subtype="PCM_16")
    sf.write("in/asis.flac", noise(0.6), RATE, subtype="PCM_16")
    sf.write("in/deep.wav", noise(0.7), RATE, subtype="PCM_24")
    sf.write("in/stereo.wav", np.stack([noise(0.8), noise(0.8)], axis=1), RATE, subtype="PCM_16")
    sf.write("in/phone.wav", noise(0.9, 8000), 8000, subtype="PCM_16")
    sf.write("in/mp3.mp3", noise(1.0, 44100), 44100)
    make_data_dir()
    return tmp_path


def make_data_dir(*more: str) -> None:
    names = ["asis.wav", "asis.flac", "deep.wav", "stereo.wav", "phone.wav", "mp3.mp3", *more]
    utts = {f"c-{name.replace('.', '_')}": f"in/{name}" for name in names}
    labels = {utt: "spoof" if n % 2 else "bonafide" for n, utt in enumerate(utts)}
    write_data_dir(
        "data/train",
        {
            "wav.scp": utts,
            "utt2spk": {utt: utt for utt in utts},
            "utt2label": labels,
            "utt2attack": {utt: "A01" if labels[utt] == "spoof" else "-" for utt in utts},
            "utt2lang": dict.fromkeys(utts, "en"),
        },
    )


def dump(nj: int = 1, *options: str) -> Path:
    common = ["--data", "data/train", "--out", "dump/train", "--nj", str(nj)]
    for job in range(1, nj + 1):
        main([*common, "--job", str(job)])
    main([*common, "--combine", "true", *options])
    return Path("dump/train")


@pytest.fixture
def few_shards(monkeypatch):
    """Two clips of the six in a shard."""
    monkeypatch.setattr(shards, "FEWEST", 3)


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The files that are decoded, as it happens."""
    found = []
    read = audio_dump.read_audio
    monkeypatch.setattr(
        audio_dump, "read_audio", lambda path: found.append(path.name) or read(path)
    )
    return found


def job(number: int, nj: int) -> None:
    main(["--data", "data/train", "--out", "dump/train", "--nj", str(nj), "--job", str(number)])


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the states, which change with the files that were read."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "utt2state")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_clips_are_named_or_converted(corpus):
    out = dump(2)
    tables = validate_data_dir(out)
    wav_scp = tables["wav.scp"]
    assert wav_scp["c-asis_wav"] == str(corpus / "in/asis.wav")
    assert wav_scp["c-asis_flac"] == str(corpus / "in/asis.flac")
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*.flac")) == [
        f"flac/0000{shard}/c-{name}.flac"
        for shard, name in enumerate(("deep_wav", "mp3_mp3", "phone_wav", "stereo_wav"), start=3)
    ]
    for utt, path in wav_scp.items():
        info = sf.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16")
        assert int(tables["utt2num_samples"][utt]) == info.frames
    assert tables["utt2lang"] == read_table("data/train/utt2lang")
    assert tables["utt2label"] == read_table("data/train/utt2label")
    assert list(out.glob(".*")) == []


def test_sixteen_bit_samples_are_kept_to_the_bit(corpus):
    dump()
    before, _ = sf.read("in/stereo.wav", dtype="int16")
    after, _ = sf.read("dump/train/flac/00006/c-stereo_wav.flac", dtype="int16")
    assert np.array_equal(after, before[:, 0])


def test_the_number_of_jobs_and_a_second_run_change_no_byte(corpus, few_shards):
    first = contents(dump(1))
    assert {str(Path(name).parent) for name in first} == {".", "flac/00002", "flac/00003"}
    assert contents(dump(1)) == first
    for nj in (2, 3, 7):  # with seven, four jobs have nothing to do
        shutil.rmtree("dump")
        assert contents(dump(nj)) == first


@pytest.mark.parametrize("nj", [1, 2, 3, 4])
def test_each_clip_is_decoded_once(corpus, nj, decoded, few_shards):
    dump(nj)
    assert sorted(decoded) == sorted(path.name for path in Path("in").iterdir())


def test_what_a_killed_run_finished_is_not_decoded_again(corpus, decoded, caplog, few_shards):
    unbroken = contents(dump(1))
    shutil.rmtree("dump")
    job(3, 3)
    decoded.clear()
    with caplog.at_level(logging.INFO):
        dump(2)
    assert sorted(decoded) == ["asis.flac", "asis.wav", "deep.wav", "mp3.mp3"]
    assert "job 1 of 2: 1 of its 2 shards are done already" in caplog.text
    assert contents(Path("dump/train")) == unbroken


def test_a_killed_job_does_what_it_began_again(corpus, decoded, monkeypatch, few_shards):
    unbroken = contents(dump(1))
    shutil.rmtree("dump")
    write = audio_dump._write_flac

    def killed(path, wav):
        if path.stem == "c-stereo_wav":
            raise KeyboardInterrupt
        write(path, wav)

    with monkeypatch.context() as patch:
        patch.setattr(audio_dump, "_write_flac", killed)
        with pytest.raises(KeyboardInterrupt):
            job(1, 1)
    assert Path("dump/train/flac/00003/c-phone_wav.flac").exists()
    decoded.clear()
    assert contents(dump(1)) == unbroken
    assert decoded == ["phone.wav", "stereo.wav"]


def test_a_clip_that_changed_meanwhile_is_decoded_again(corpus, decoded, few_shards):
    for number in (1, 2):
        job(number, 2)
    old = Path("in/deep.wav").stat()
    sf.write("in/deep.wav", noise(0.7, peak=0.3), RATE, subtype="PCM_24")
    assert Path("in/deep.wav").stat().st_size == old.st_size
    with pytest.raises(FadError, match=r"1 of 3 shards are missing, .*: job 2 of 2 must be run"):
        main(["--data", "data/train", "--out", "dump/train", "--nj", "2", "--combine", "true"])
    decoded.clear()
    redone = contents(dump(2))
    assert decoded == ["deep.wav", "mp3.mp3"]
    shutil.rmtree("dump")
    assert contents(dump(1)) == redone


def test_clips_of_a_shard_that_was_written_over_are_not_taken(corpus, monkeypatch, few_shards):
    """Killed on one corpus, then on another: the first one's part goes before its clips do."""
    unbroken = contents(dump(1))
    shutil.rmtree("dump")
    job(1, 1)
    kept = Path("in/stereo.wav").read_bytes(), Path("in/stereo.wav").stat()
    sf.write("in/stereo.wav", noise(0.8, peak=0.1), 2 * RATE, subtype="PCM_16")
    monkeypatch.setattr(Parts, "write", lambda *_: None)  # killed before its part is there
    job(1, 1)
    monkeypatch.undo()
    monkeypatch.chdir(corpus)
    monkeypatch.setattr(shards, "FEWEST", 3)
    Path("in/stereo.wav").write_bytes(kept[0])
    os.utime("in/stereo.wav", ns=(kept[1].st_atime_ns, kept[1].st_mtime_ns))
    assert contents(dump(1)) == unbroken


def test_shards_with_bad_clips_are_tried_again(corpus, decoded, few_shards):
    Path("in/text.wav").write_text("not audio")
    make_data_dir("text.wav")
    with pytest.raises(FadError, match="1 of 7 clips are bad"):
        dump(2)
    decoded.clear()
    dump(2, "--on_error", "skip")
    assert decoded == ["stereo.wav", "text.wav"]


def test_what_would_clip_is_scaled_down_and_said(corpus, caplog):
    loud = noise(0.5, peak=2.0)
    sf.write("in/loud.wav", loud, RATE, subtype="FLOAT")
    make_data_dir("loud.wav")
    dump()
    after, _ = sf.read("dump/train/flac/00004/c-loud_wav.flac")
    assert np.abs(after - loud / 2).max() < 2 / 32768
    assert any("c-loud_wav: peak 2.000" in message for message in caplog.messages)


def test_clips_too_quiet_for_16_bits_are_scaled_up(corpus, caplog):
    for level in (-60, -100):
        sf.write(f"in/at{level}.wav", noise(0.5, peak=10 ** (level / 20)), RATE, subtype="FLOAT")
    make_data_dir("at-60.wav", "at-100.wav")
    out = dump()
    for level in (-60, -100):
        after, _ = sf.read(read_table(out / "wav.scp")[f"c-at{level}_wav"])
        assert np.abs(after - noise(0.5, peak=1)).max() < 2 / 32768
        assert f"at{level}.wav: very quiet (peak {level} dB): scaled up" in caplog.text


def test_bad_clips_are_all_listed_and_stop(corpus, caplog):
    Path("in/text.wav").write_text("not audio")
    make_data_dir("text.wav", "gone.wav")
    with pytest.raises(FadError, match=r"2 of 8 clips are bad.*--on_error skip"):
        dump(2)
    for utt in ("c-text_wav", "c-gone_wav"):
        assert any(f"bad clip {utt}" in message for message in caplog.messages)
    assert not Path("dump/train/wav.scp").exists()


def test_bad_clips_are_left_out_only_when_asked(corpus, caplog):
    Path("in/text.wav").write_text("not audio")
    make_data_dir("text.wav")
    out = dump(2, "--on_error", "skip")
    assert "c-text_wav" not in validate_data_dir(out)["wav.scp"]
    assert len(validate_data_dir(out)["wav.scp"]) == 6
    assert list(read_table(out / "errors")) == ["c-text_wav"]
    assert any(r.levelno == logging.WARNING and "left out" in r.message for r in caplog.records)
    Path("in/text.wav").unlink()
    sf.write("in/text.wav", noise(0.5), RATE)
    assert not (dump(2) / "errors").exists()


def test_what_earlier_and_killed_runs_left_goes_at_the_end(corpus):
    whole, out = contents(dump(2)), Path("dump/train")
    left = ["flac/c-gone.flac", "flac/00003/.c-deep_wav.part99.flac", "flac/00001/c-asis_flac.flac"]
    left += ["flac/00099/c-gone.flac", f".wav.scp.00003.{16 * 'a'}", f".wav.scp.00099.{16 * 'a'}"]
    left += [".wav.part99.scp", f"..wav.scp.00003.part99.{16 * 'a'}"]
    for name in left:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(b"x")
    assert contents(dump(2)) == whole
    assert not (out / "flac/00001").exists()


def test_parts_go_before_the_clips_that_they_name(corpus, monkeypatch):
    """Else a killed joining would leave one that says of clips that are gone: they are done."""
    stale = Path(f"dump/train/.wav.scp.00099.{16 * 'a'}")
    stale.parent.mkdir(parents=True)
    stale.touch()
    there = []
    monkeypatch.setattr(audio_dump, "_remove_stale_clips", lambda *_: there.append(stale.exists()))
    dump(2)
    assert there == [False]


def test_clips_written_under_another_path_to_the_folder_stay(corpus):
    Path("there").mkdir()
    Path("there/dump").symlink_to(corpus / "dump")
    Path("dump").mkdir()
    common = ["--data", "data/train", "--nj", "1"]
    main([*common, "--out", str(corpus / "there/dump/train")])
    main([*common, "--out", "dump/train", "--combine", "true"])
    assert all(Path(path).is_file() for path in read_table("dump/train/wav.scp").values())


def test_an_unfinished_job_is_named(corpus):
    main(["--data", "data/train", "--out", "dump/train", "--nj", "2", "--job", "2"])
    with pytest.raises(FadError, match=r"3 of 6 shards are missing, .*: job 1 of 2 must be run"):
        main(["--data", "data/train", "--out", "dump/train", "--nj", "2", "--combine", "true"])
    assert not Path("dump/train/wav.scp").exists()


def test_a_dump_is_unfinished_while_jobs_run(corpus):
    dump(2)
    main(["--data", "data/train", "--out", "dump/train", "--nj", "2", "--job", "1"])
    with pytest.raises(FadError, match=r"lacks wav\.scp"):
        validate_data_dir("dump/train")


def test_jobs_of_other_data_are_not_joined(corpus):
    main(["--data", "data/train", "--out", "dump/train"])
    sf.write("in/new.wav", noise(0.5), RATE)
    make_data_dir("new.wav")
    with pytest.raises(
        FadError, match=r"shards are missing, or were made from something else: job 1"
    ):
        main(["--data", "data/train", "--out", "dump/train", "--combine", "true"])


def test_asv_scores_go_along(corpus):
    Path("data/train/asv_scores").write_text("bonafide target 1.0\n")
    assert (dump() / "asv_scores").read_text() == "bonafide target 1.0\n"
    Path("data/train/asv_scores").unlink()
    assert not (dump() / "asv_scores").exists()


@pytest.mark.parametrize(("job", "nj"), [("0", "2"), ("3", "2"), ("1", "0")])
def test_a_job_that_cannot_be_is_refused(corpus, job, nj):
    with pytest.raises(FadError, match="is not within 1 and"):
        main(["--data", "data/train", "--out", "dump/train", "--job", job, "--nj", nj])


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--help"])
    assert exit_.value.code == 0
    assert "--combine true --nj 2" in capsys.readouterr().out
