"""Stage 1 of egs/asvspoof2019_la, on the official protocols and three real clips."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from fad.bin.dump_audio import main as dump_audio
from fad.data.tables import validate_data_dir

KINDS = {"train": "trn", "dev": "trl", "eval": "trl"}
COUNTS = {"train": (25380, 2580), "dev": (24844, 2548), "eval": (71237, 7355)}


@pytest.fixture
def official(shared_data: Path, tmp_path: Path) -> Iterator[Path]:
    """The release's layout with the real protocols and ASV scores, and no audio yet."""
    real, root = shared_data / "asvspoof2019_la", tmp_path / "corpora" / "LA"
    copies = {
        "protocols": "ASVspoof2019_LA_cm_protocols",
        "asv_scores": "ASVspoof2019_LA_asv_scores",
    }
    for source, target in copies.items():
        (root / target).mkdir(parents=True)
        for path in (real / source).iterdir():
            (root / target / path.name).symlink_to(path)
    for split in KINDS:
        (root / f"ASVspoof2019_LA_{split}" / "flac").mkdir(parents=True)
    yield root
    shutil.rmtree(root)  # pytest would keep its 121,461 names for three runs


@pytest.fixture
def prepare(recipe, prepare_in):
    folder = recipe("asvspoof2019_la")

    def run(*options: str | Path):
        return prepare_in(folder, *options), folder / "data"

    return run


def protocol(root: Path, split: str) -> Path:
    return root / "ASVspoof2019_LA_cm_protocols" / f"ASVspoof2019.LA.cm.{split}.{KINDS[split]}.txt"


def add_audio(root: Path, shared_data: Path, utts_of: dict[str, list[str]]) -> None:
    """Names a set's real clip for every utterance, with hard links: the cheapest of files."""
    for split, utts in utts_of.items():
        clip = next((shared_data / "asvspoof2019_la/flac").glob(f"LA_{split[0].upper()}_*.flac"))
        flac = root / f"ASVspoof2019_LA_{split}" / "flac"
        for start in range(0, len(utts), 50_000):  # a file may have 65,000 links
            shutil.copy(clip, copy := root / f"{split}{start}.flac")
            for utt in utts[start : start + 50_000]:
                os.link(copy, flac / f"{utt}.flac")


def utts_of(root: Path, split: str) -> list[str]:
    return [line.split()[1] for line in protocol(root, split).read_text().splitlines()]


def subset(root: Path) -> dict[str, list[str]]:
    """A few utterances of each label in each set, the three real clips among them."""
    chosen = {}
    for split in KINDS:
        lines = [line.split() for line in protocol(root, split).read_text().splitlines()]
        by_label = {
            label: [w[1] for w in lines if w[4] == label] for label in ("bonafide", "spoof")
        }
        chosen[split] = [utt for utts in by_label.values() for utt in utts[:3]]
    chosen["train"].append("LA_T_1272637")
    chosen["dev"].append("LA_D_1003356")
    chosen["eval"].append("LA_E_6163791")
    return {split: sorted(set(utts)) for split, utts in chosen.items()}


def test_the_whole_release_has_the_official_counts(prepare, official, shared_data):
    add_audio(official, shared_data, {split: utts_of(official, split) for split in KINDS})
    done, data = prepare("--corpus_dir", official, "--nj", "4")
    assert done.returncode == 0, done.stderr
    for split, (trials, bonafide) in COUNTS.items():
        tables = validate_data_dir(data / split)
        labels = Counter(tables["utt2label"].values())
        assert labels == {"bonafide": bonafide, "spoof": trials - bonafide}
    assert set(tables["utt2attack"].values()) == {
        "-",
        *(f"asvspoof2019_la/A{n:02d}" for n in range(7, 20)),
    }
    train = validate_data_dir(data / "train")
    utt = "asvspoof2019_la-LA_T_1138215"
    assert (train["utt2spk"][utt], train["utt2label"][utt]) == ("LA_0079", "bonafide")
    assert train["wav.scp"][utt] == str(official / "ASVspoof2019_LA_train/flac/LA_T_1138215.flac")
    for split, lines in (("dev", 29548), ("eval", 102579)):
        assert (data / split / "asv_scores").read_text().count("\n") == lines
    assert not (data / "train/asv_scores").exists()


def test_missing_audio_is_named_and_counted(prepare, official):
    done, data = prepare("--corpus_dir", official.parent)  # the folder that LA is in will do
    assert done.returncode == 1
    assert "ASVspoof2019_LA_train/flac/LA_T_1138215.flac: no such clip" in done.stderr
    assert "121461 of 121461 clips are missing" in done.stderr
    assert "--data_opts=--allow_missing=true" in done.stderr
    assert not data.exists()


def test_what_is_there_can_be_kept_and_dumped_as_it_is(prepare, official, shared_data, tmp_path):
    add_audio(official, shared_data, subset(official))
    done, data = prepare("--corpus_dir", official, "--allow_missing", "true")
    assert done.returncode == 0, done.stderr
    assert "GOING ON WITHOUT THEM" in done.stderr
    tables = validate_data_dir(data / "eval")
    assert tables["utt2attack"]["asvspoof2019_la-LA_E_6163791"] == "asvspoof2019_la/A09"
    assert len(tables["wav.scp"]) == 7
    dump = tmp_path / "dump"
    for options in (["--job", "1"], ["--combine", "true"]):
        dump_audio(["--data", str(data / "eval"), "--out", str(dump), *options])
    assert validate_data_dir(dump)["wav.scp"] == tables["wav.scp"]  # named, not copied
    assert (dump / "asv_scores").read_bytes() == (data / "eval/asv_scores").read_bytes()


def test_a_protocol_cut_short_is_refused(prepare, official, shared_data):
    chosen = subset(official)
    add_audio(official, shared_data, chosen)
    for split, utts in chosen.items():
        path = protocol(official, split)
        lines = [line for line in path.read_text().splitlines() if line.split()[1] in utts]
        path.unlink()
        path.write_text("\n".join(lines) + "\n")
    done, data = prepare("--corpus_dir", official)
    assert done.returncode == 1
    expected = f"{len(chosen['train'])} trials, 3 of them bona fide, but officially 25380 and 2580"
    assert expected in done.stderr
    done, data = prepare("--corpus_dir", official, "--check_counts", "false")
    assert done.returncode == 0, done.stderr
    assert len(validate_data_dir(data / "eval")["wav.scp"]) == len(chosen["eval"])


@pytest.mark.parametrize("line", ["LA_0079 LA_T_1 - bonafide", "LA_0079 LA_T_1 - A01 bonafide"])
def test_a_malformed_line_is_named(prepare, official, line):
    path = protocol(official, "train")
    path.unlink()
    path.write_text(f"LA_0079 LA_T_0 - - bonafide\n{line}\n")
    done, _ = prepare("--corpus_dir", official, "--check_counts", "false")
    assert done.returncode == 1
    assert f"trn.txt:2: '{line}': expected" in done.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "Give --corpus_dir DIR"),
        (("--corpus_dir", "/proc/self"), "no folder ASVspoof2019_LA_cm_protocols"),
        (("--check_counts", "no"), "--check_counts: expected true or false, not 'no'"),
    ],
)
def test_wrong_options_end_in_a_clear_line(prepare, options, expected):
    done, _ = prepare(*options)
    assert done.returncode != 0
    assert expected in done.stderr
