"""The audio dump as its users call it: jobs, then combine."""

import logging
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from fad.bin.dump_audio import main
from fad.data.tables import read_table, validate_data_dir, write_data_dir
from fad.errors import FadError

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


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_clips_are_named_or_converted(corpus):
    out = dump(2)
    tables = validate_data_dir(out)
    wav_scp = tables["wav.scp"]
    assert wav_scp["c-asis_wav"] == str(corpus / "in/asis.wav")
    assert wav_scp["c-asis_flac"] == str(corpus / "in/asis.flac")
    assert sorted(p.name for p in (out / "flac").iterdir()) == [
        f"c-{name}.flac" for name in ("deep_wav", "mp3_mp3", "phone_wav", "stereo_wav")
    ]
    for utt, path in wav_scp.items():
        info = sf.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16")
        assert int(tables["utt2num_samples"][utt]) == info.frames
    assert tables["utt2lang"] == read_table("data/train/utt2lang")
    assert tables["utt2label"] == read_table("data/train/utt2label")
    assert not (out / "split2").exists()


def test_sixteen_bit_samples_are_kept_to_the_bit(corpus):
    dump()
    before, _ = sf.read("in/stereo.wav", dtype="int16")
    after, _ = sf.read("dump/train/flac/c-stereo_wav.flac", dtype="int16")
    assert np.array_equal(after, before[:, 0])


def test_the_number_of_jobs_and_a_second_run_change_no_byte(corpus):
    first = contents(dump(1))
    assert contents(dump(1)) == first
    assert contents(dump(4)) == first
    assert contents(dump(9)) == first  # more jobs than clips


@pytest.mark.parametrize("nj", [2, 3, 4])
def test_each_clip_is_the_work_of_one_job(corpus, nj):
    for job in range(1, nj + 1):
        main(["--data", "data/train", "--out", "dump", "--nj", str(nj), "--job", str(job)])
    shares = [list(read_table(f"dump/split{nj}/wav.{job}.scp")) for job in range(1, nj + 1)]
    assert list(chain(*shares)) == list(read_table("data/train/wav.scp"))


def test_what_would_clip_is_scaled_down_and_said(corpus, caplog):
    loud = noise(0.5, peak=2.0)
    sf.write("in/loud.wav", loud, RATE, subtype="FLOAT")
    make_data_dir("loud.wav")
    dump()
    after, _ = sf.read("dump/train/flac/c-loud_wav.flac")
    assert np.abs(after - loud / 2).max() < 2 / 32768
    assert any("c-loud_wav: peak 2.000" in message for message in caplog.messages)


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
    whole = contents(dump(2))
    left = ["flac/c-gone.flac", "flac/.c-deep_wav.part99.flac", "split3/wav.1.scp"]
    for name in left:
        (Path("dump/train") / name).parent.mkdir(exist_ok=True)
        (Path("dump/train") / name).write_bytes(b"x")
    assert contents(dump(2)) == whole


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
    with pytest.raises(FadError, match=r"split2/wav\.1\.scp: missing: job 1 of 2"):
        main(["--data", "data/train", "--out", "dump/train", "--nj", "2", "--combine", "true"])


def test_a_dump_is_unfinished_while_jobs_run(corpus):
    dump(2)
    main(["--data", "data/train", "--out", "dump/train", "--nj", "2", "--job", "1"])
    with pytest.raises(FadError, match=r"lacks wav\.scp"):
        validate_data_dir("dump/train")


def test_jobs_of_other_data_are_not_joined(corpus):
    main(["--data", "data/train", "--out", "dump/train"])
    sf.write("in/new.wav", noise(0.5), RATE)
    make_data_dir("new.wav")
    with pytest.raises(FadError, match=r"1 only in data/train/wav\.scp \(c-new_wav\)"):
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
