"""Stage 1 of egs/custom: the shared speech, protocols and folders of all sorts, clear refusals."""

from collections import Counter
from pathlib import Path

import pytest

from fad.data.tables import validate_data_dir

SHARED_COUNTS = {  # as the README of the shared data has them
    "train": {"-": 120, "tortoise": 80, "wavenet": 25, "vocoder": 16},
    "dev": {"-": 40, "tortoise": 25, "wavenet": 10, "vocoder": 8},
    "eval": {
        "-": 70,
        "tortoise": 20,
        "wavenet": 10,
        "vocoder": 8,
        "fastspeech2": 29,
        "tacotron2": 19,
    },
}
HEADER = "path\tlabel\tattack\tspeaker\tsplit"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Six clips' files, their folders, and a protocol for them."""
    folder = tmp_path / "corpus"
    rows = [HEADER]
    for split in ("train", "dev", "eval"):
        for kind in ("bonafide", "spoof/tts"):
            path = folder / split / kind / "a 1.wav"
            path.parent.mkdir(parents=True)
            path.touch()
            label, attack = ("spoof", "tts") if "spoof" in kind else ("bonafide", "-")
            rows.append(f"{split}/{kind}/a 1.wav\t{label}\t{attack}\tp{split}\t{split}")
    (folder / "protocol.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def prepare(recipe, prepare_in):
    folder = recipe("custom")

    def run(*options: str | Path):
        return prepare_in(folder, *options), folder / "data"

    return run


def edit(corpus: Path, old: str, new: str) -> None:
    protocol = corpus / "protocol.tsv"
    text = protocol.read_text()
    assert old in text
    protocol.write_text(text.replace(old, new, 1))


def test_the_shared_speech_has_the_counts_of_its_readme(prepare, shared_data):
    done, data = prepare("--corpus_dir", shared_data / "speech", "--nj", "2")
    assert done.returncode == 0, done.stderr
    for name, counts in SHARED_COUNTS.items():
        tables = validate_data_dir(data / name)
        attacks = [attack.removeprefix("custom/") for attack in tables["utt2attack"].values()]
        assert Counter(attacks) == counts
        assert all(Path(path).is_file() for path in tables["wav.scp"].values())
    tables = validate_data_dir(data / "train")
    assert tables["wav.scp"]["custom-b0000"] == str(shared_data / "speech/audio/b0000.flac")
    assert tables["utt2spk"]["custom-b0000"] == "6529"


def test_a_protocol_and_its_folders_say_the_same(prepare, corpus):
    done, data = prepare("--corpus_dir", corpus)
    assert done.returncode == 0, done.stderr
    by_protocol = validate_data_dir(data / "dev")
    assert by_protocol["utt2attack"] == {
        "custom-dev_bonafide_a_1": "-",
        "custom-dev_spoof_tts_a_1": "custom/tts",
    }
    (corpus / "protocol.tsv").unlink()
    (corpus / "train/bonafide/notes.txt").touch()
    done, data = prepare("--corpus_dir", corpus)
    assert done.returncode == 0, done.stderr
    assert "1 files not named like audio" in done.stderr
    by_folder = validate_data_dir(data / "dev")
    for name in ("wav.scp", "utt2label", "utt2attack"):
        assert by_folder[name] == by_protocol[name]


def test_a_second_run_writes_the_same_bytes(prepare, corpus):
    def contents():
        done, data = prepare("--corpus_dir", corpus)
        assert done.returncode == 0, done.stderr
        return {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}

    assert contents() == contents()


def test_commas_spellings_ids_and_absolute_paths(prepare, corpus, tmp_path):
    (corpus / "protocol.tsv").unlink()
    far = tmp_path / "far, away.wav"
    far.touch()
    rows = ["label,utt,split,path,note,codec"]
    spellings = ["Real", "fake", "bona-fide", "spoof", "genuine", "fake"]
    paths = sorted(corpus.rglob("*.wav"))  # dev, eval, train; bonafide, spoof
    for number, (label, path) in enumerate(zip(spellings, paths, strict=True)):
        relative = path.relative_to(corpus)
        rows.append(
            f"{label},u{number},{relative.parts[0]},{relative},any,{'' if number else 'opus'}"
        )
    rows.append(f'FAKE,far,dev,"{far}",,-')
    (corpus / "protocol.csv").write_text("\ufeff" + "\r\n".join(rows) + "\r\n", encoding="utf-8")
    done, data = prepare("--corpus_dir", corpus)
    assert done.returncode == 0, done.stderr
    assert "columns not used: ['note']" in done.stderr
    tables = validate_data_dir(data / "dev")
    assert tables["wav.scp"]["custom-far"] == str(far)
    assert tables["utt2codec"] == {"custom-u0": "opus", "custom-u1": "-", "custom-far": "-"}
    assert tables["utt2attack"] == {
        "custom-u0": "-",
        "custom-u1": "custom/unknown",
        "custom-far": "custom/unknown",
    }


def test_without_splits_speakers_are_kept_together(prepare, tmp_path):
    rows = ["path\tlabel\tspeaker"]
    for number in range(60):
        (tmp_path / f"{number}.wav").touch()
        label = "fake" if number % 3 == 0 else "real"
        rows.append(f"{number}.wav\t{label}\tspeaker {number // 3}")
    (tmp_path / "protocol.tsv").write_text("\n".join(rows))
    done, data = prepare("--corpus_dir", tmp_path)
    assert done.returncode == 0, done.stderr
    sets = {name: validate_data_dir(data / name) for name in ("train", "dev", "eval")}
    assert [len(sets[name]["spk2utt"]) for name in sets] == [12, 4, 4]
    assert len(set().union(*(tables["spk2utt"] for tables in sets.values()))) == 20


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("path\t", "file\t", "protocol.tsv:1: no column 'path' in the header"),
        (
            "bonafide\t-\tptrain",
            "bonfide\t-\tptrain",
            "protocol.tsv:2: label 'bonfide': did you mean",
        ),
        (
            "spoof\ttts\tpdev\tdev",
            "spoof\ttts\tpdev\tdevel",
            "protocol.tsv:5: split 'devel': did you",
        ),
        (
            "\tbonafide\t-\tpdev",
            "\tbonafide\ttts\tpdev",
            "protocol.tsv:4: attack 'tts' of bona fide",
        ),
        ("\tpeval\teval", "\tpeval", "protocol.tsv:6: 4 columns, but 5 in the header"),
        ("ptrain\ttrain", "ptrain\t-", "protocol.tsv:2: no split, but other clips have one"),
        ("train/bonafide/a 1.wav", "gone.wav", "protocol.tsv:2: no audio file"),
        ("train/bonafide/a 1.wav", "", "protocol.tsv:2: no path"),
        ("train/bonafide/a 1.wav", "dev/bonafide/a 1.wav", "protocol.tsv:4: "),
    ],
)
def test_faults_in_a_protocol_are_named_with_their_line(prepare, corpus, old, new, expected):
    edit(corpus, old, new)
    done, data = prepare("--corpus_dir", corpus)
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert "error: " in error
    assert expected in error
    assert not data.exists()


def test_names_that_become_the_same_are_refused(prepare, corpus):
    (corpus / "train/bonafide/a_1.wav").touch()
    edit(corpus, "\n", "\ntrain/bonafide/a_1.wav\treal\t-\tp\ttrain\n")
    done, _ = prepare("--corpus_dir", corpus)
    assert done.returncode == 1
    assert "utterance id 'custom-train_bonafide_a_1' is taken by" in done.stderr


def test_a_protocol_that_is_not_utf_8_is_refused(prepare, corpus):
    (corpus / "protocol.tsv").write_bytes(b"path\tlabel\n\xe9.wav\treal\n")
    done, _ = prepare("--corpus_dir", corpus)
    assert done.returncode == 1
    assert "protocol.tsv: not UTF-8 at byte 11" in done.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "where is the corpus? Give --corpus_dir DIR"),
        (("--corpus_dri", "x"), "unrecognized arguments: --corpus_dri x"),
        (("--corpus_dir", "/nowhere"), "--corpus_dir /nowhere: no such folder"),
        (("--corpus_dir", "/proc/self"), "must have protocol.tsv or protocol.csv, or bonafide/"),
    ],
)
def test_wrong_options_end_in_a_clear_line(prepare, options, expected):
    done, data = prepare(*options)
    assert done.returncode != 0
    assert expected in done.stderr
    assert not data.exists()


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Six clips of each class in folders, without splits."""
    folder = tmp_path / "folders"
    for kind in ("bonafide", "spoof/tts"):
        (folder / kind).mkdir(parents=True)
        for n in range(6):
            (folder / kind / f"{n}.wav").touch()
    return folder


def clips_of(data: Path) -> dict[str, str]:
    """Paths by utterance, of all sets."""
    tables = [validate_data_dir(data / name)["wav.scp"] for name in ("train", "dev", "eval")]
    return {utt: path for table in tables for utt, path in table.items()}


def test_folders_behind_links_are_read_once_and_loops_end(prepare, folders):
    elsewhere = folders.parent / "elsewhere"
    elsewhere.mkdir()
    for n in range(3):
        (elsewhere / f"x{n}.wav").touch()
    for link in ("bonafide/more", "bonafide/again", "spoof/vocoder"):
        (folders / link).symlink_to(elsewhere)
    (folders / "bonafide/round").symlink_to(folders)
    done, data = prepare("--corpus_dir", folders)
    assert done.returncode == 0, done.stderr
    names = Counter(Path(path).name[0] for path in clips_of(data).values())
    assert names.total() == 6 + 3 + 6 + 3
    assert names["x"] == 6


def test_names_of_other_scripts_are_told_apart(prepare, folders):
    for name in ("你好", "再见", "Привет", "مرحبا"):
        (folders / "bonafide" / f"{name}.wav").touch()
    done, data = prepare("--corpus_dir", folders)
    assert done.returncode == 0, done.stderr
    assert len(clips_of(data)) == 16
    again, _ = prepare("--corpus_dir", folders)
    assert again.returncode == 0 and len(clips_of(data)) == 16


def test_without_splits_and_speakers_it_says_that_clips_are_divided(prepare, folders):
    done, _ = prepare("--corpus_dir", folders)
    assert "no splits and no speakers given: clips are divided" in done.stderr
    assert "speakers unknown" in done.stderr
    assert "divided by speaker" not in done.stderr


def test_endings_that_are_left_out_are_counted(prepare, folders):
    for name in ("a.rf64", "b.w64", "c.aifc", "d.txt", "e.txt", "notes"):
        (folders / "bonafide" / name).touch()
    done, data = prepare("--corpus_dir", folders)
    assert "3 files not named like audio: 2 .txt, 1 notes" in done.stderr
    assert len(clips_of(data)) == 15


def test_usual_words_for_splits_are_known(prepare, corpus):
    text = (corpus / "protocol.tsv").read_text()
    text = text.replace("\tdev\n", "\tvalid\n").replace("\teval\n", "\tTest\n")
    (corpus / "protocol.tsv").write_text(text)
    done, data = prepare("--corpus_dir", corpus)
    assert done.returncode == 0, done.stderr
    assert [len(validate_data_dir(data / name)["wav.scp"]) for name in ("dev", "eval")] == [2, 2]
