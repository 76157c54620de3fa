"""The other recipes through all stages, on small generated corpora of tones and noise."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fad.bin.evaluate import main as evaluate
from fad.data.tables import read_table, validate_data_dir

from .stages import OUTPUTS, Recipe, open_recipe

SETS = ("train", "dev", "eval")
# Tones against noise: a few steps tell them apart even with a random encoder.
LEARN = ("--set", "train.epochs=4", "--set", "train.lr=0.01", "--set", "train.batch_size=4")
LEARN += ("--set", "train.num_workers=0", "--tag", "tones")
NAMES = ["new", pytest.param("folders", marks=pytest.mark.slow), "la"]
HOSTILE = "my data; $(touch canary) | x"
PROTOCOLS = {"train": "trn", "dev": "trl", "eval": "trl"}
MISSING = "LA_E_9999999"


@dataclass
class Dump:
    """What lies in a recipe's dump: the bytes of all files but logs, and the times of frames."""

    contents: dict[str, bytes]
    frame_times: dict[str, int]


@dataclass
class Finished:
    """A recipe after all stages; the dump of its first stage 2, and after a second one."""

    recipe: Recipe
    first: Dump | None = None
    second: Dump | None = None


def look_at(dump: Path) -> Dump:
    """Takes down what is in a dump now."""
    kept = (path for path in dump.rglob("*") if path.suffix not in (".log", ".lock"))
    files = [path for path in kept if path.is_file()]
    frames = [path for path in files if path.is_relative_to(dump / "frontend-tiny")]
    return Dump(
        {str(path.relative_to(dump)): path.read_bytes() for path in files},
        {str(path.relative_to(dump)): path.stat().st_mtime_ns for path in frames},
    )


class Made(dict[str, Finished]):
    """Four recipes through all stages, each made when it is first asked for."""

    def __init__(self, *words: object) -> None:
        self.words = words

    def __missing__(self, name: str) -> Finished:
        makers = {
            "custom": custom_on_protocol,
            "la": asvspoof2019_la,
            "folders": custom_on_folders,
            "new": new_recipe,
        }
        self[name] = makers[name](*self.words)
        return self[name]


@pytest.fixture(scope="module")
def finished(tree: Path, write_speech) -> Made:
    return Made(tree, write_speech)


def custom_on_protocol(tree: Path, write_speech: Callable[..., None]) -> Finished:
    """A protocol without splits, in a folder of hostile name; stage 2 for two methods."""
    folder = tree / HOSTILE
    rows = ["path\tlabel\tattack\tspeaker"]
    for number in range(36):
        label = ("bonafide", "spoof")[number % 2]
        speaker = f"p{number // 6}{label[0]}"
        attack = "-" if label == "bonafide" else f"noise{number % 4 // 2}"
        # Of all rates, so that some clips are converted and some are named as they are.
        write_speech(folder / f"{number}.wav", label, number, (8000, 16000, 44100)[number % 3])
        rows.append(f"{number}.wav\t{label}\t{attack}\t{speaker}")
    (folder / "protocol.tsv").write_text("\n".join(rows) + "\n")
    recipe = open_recipe(tree, "custom")
    recipe.ok("--corpus_dir", folder, "--stop_stage", "2", "--config", "lora_r16", "--nj", "1")
    first = look_at(recipe.path / "dump")
    recipe.ok("--stage", "2", "--config", "lora", "--nj", "1", *LEARN)
    return Finished(recipe, first, look_at(recipe.path / "dump"))


def new_recipe(tree: Path, write_speech: Callable[..., None]) -> Finished:
    corpus = tree / "new_corpus"
    for number, split in enumerate(SETS * 4):
        write_speech(corpus / split / "bonafide" / f"{number}.wav", "bonafide", number)
        write_speech(corpus / split / "spoof/tts" / f"{number}.wav", "spoof", number)
    recipe = open_recipe(tree, "my_corpus")
    made = open_recipe(tree, "TEMPLATE").call("./setup.sh", "my_corpus")
    assert made.returncode == 0, made.stderr
    recipe.ok("--corpus_dir", corpus, "--dump", "none", "--nj", "1", *LEARN)
    return Finished(recipe)


def custom_on_folders(tree: Path, write_speech: Callable[..., None]) -> Finished:
    corpus = tree / "folders"
    for number in range(12):
        write_speech(corpus / "bonafide" / f"{number}.flac", "bonafide", number, 24000)
        attack = ("tts", "vc")[number % 2]
        write_speech(corpus / "spoof" / attack / f"{number}.flac", "spoof", number, 24000)
    outputs = shutil.ignore_patterns(*OUTPUTS)
    shutil.copytree(tree / "egs/custom", tree / "egs/folders", ignore=outputs)
    recipe = open_recipe(tree, "folders")
    options = ("--dump", "none", "--config", "frozen", "--nj", "1")
    recipe.ok("--corpus_dir", corpus, *options, *LEARN)
    return Finished(recipe)


def asvspoof2019_la(tree: Path, write_speech: Callable[..., None]) -> Finished:
    """Stages 1 and 2 of a release in small, with one clip missing; then `--stage 3` alone."""
    root = tree / "LA"
    rng = np.random.default_rng(0)
    for split, kind in PROTOCOLS.items():
        lines = []
        for number in range(8):
            attack = "-" if number < 4 else ("A07" if split == "eval" else "A01")
            label = "bonafide" if attack == "-" else "spoof"
            utt = f"LA_{split[0].upper()}_{1000000 + number}"
            lines.append(f"LA_{number:04d} {utt} - {attack} {label}")
            write_speech(root / f"ASVspoof2019_LA_{split}" / "flac" / f"{utt}.flac", label, number)
        if split == "eval":
            lines.append(f"LA_0099 {MISSING} - A08 spoof")
        protocol = root / "ASVspoof2019_LA_cm_protocols" / f"ASVspoof2019.LA.cm.{split}.{kind}.txt"
        protocol.parent.mkdir(exist_ok=True)
        protocol.write_text("\n".join(lines) + "\n")
        means = {"bonafide target": 4.0, "bonafide nontarget": -4.0, "A07 spoof": 2.0}
        rows = [f"{kind} {m + rng.normal():.6f}" for kind, m in means.items() for _ in range(40)]
        name = f"ASVspoof2019.LA.asv.{split}.gi.trl.scores.txt"
        scores = root / "ASVspoof2019_LA_asv_scores" / name
        scores.parent.mkdir(exist_ok=True)
        scores.write_text("\n".join(rows) + "\n")
    recipe = open_recipe(tree, "asvspoof2019_la")
    leave = ("--data_opts=--check_counts=false", "--data_opts=--allow_missing=true")
    recipe.ok("--corpus_dir", root, *leave, "--stop_stage", "2", "--config", "full", "--nj", "1")
    # Full tuning takes smaller steps than a classifier on a frozen encoder.
    gently = ("--set", "train.lr=0.001", "--set", "train.epochs=6")
    recipe.ok("--stage", "3", "--config", "full", "--nj", "1", *LEARN, *gently)
    return Finished(recipe)


def results_of(recipe: Recipe) -> dict:
    return json.loads((recipe.path / "exp/tones/results.json").read_text())


@pytest.fixture
def custom(finished: dict[str, Finished]) -> Recipe:
    return finished["custom"].recipe


def test_stage_2_again_gives_the_same_bytes(finished):
    first, second = finished["custom"].first.contents, finished["custom"].second.contents
    assert second == first
    kinds = {Path(name).suffix for name in first}
    assert {".ark", ".scp", ".flac", ".json"} <= kinds


def test_another_method_on_the_same_encoder_computes_no_frames_again(custom, finished):
    first, second = finished["custom"].first, finished["custom"].second
    frames = {Path(path).parts[1:] for path in first.contents if "frontend-tiny" in path}
    for name in ("dev", "train"):
        clips = len(read_table(custom.path / "dump/audio" / name / "wav.scp"))
        arks = {f"feats.{number:05d}.ark" for number in range(1, min(clips, 16) + 1)}
        files = {file for folder, file in frames if folder == name}
        assert files == {"encoder.json", "feats.scp", *arks}
    assert second.frame_times == first.frame_times


@pytest.mark.slow
def test_three_jobs_of_stage_2_make_what_one_makes(custom):
    dump = custom.path / "dump"
    first = dump.rename(custom.path / "first")
    try:
        custom.ok("--stage", "2", "--stop_stage", "2", "--nj", "3")
        assert look_at(dump).contents == look_at(first).contents
    finally:
        shutil.rmtree(dump)
        first.rename(dump)


def test_a_protocol_without_splits_is_divided_by_speaker(custom):
    tables = {name: validate_data_dir(custom.path / "dump/audio" / name) for name in SETS}
    speakers = [set(tables[name]["spk2utt"]) for name in SETS]
    assert sum(map(len, speakers)) == len(set().union(*speakers)) == 12
    assert all(speakers)
    for table in tables.values():
        assert set(table["utt2label"].values()) == {"bonafide", "spoof"}
    assert sum(len(table["wav.scp"]) for table in tables.values()) == 36


def test_hostile_folders_are_read_and_run_nothing(tree, custom):
    paths = read_table(custom.path / "data/train/wav.scp").values()
    assert all(Path(path).parent.name == HOSTILE for path in paths)
    assert list(tree.rglob("canary")) == []


def test_tones_and_noise_are_told_apart(custom):
    found = results_of(custom)["test_sets"]["eval"]
    assert found["bonafide"] >= 3
    assert found["spoof"] >= 3
    assert found["eer_percent"] == 0
    assert set(found["by"]["attack"]["groups"]) <= {"custom/noise0", "custom/noise1"}


def test_a_second_test_set_comes_from_the_dump_of_another_recipe(mini, custom):
    """The custom model on its own set and on that of egs/mini."""
    exp = custom.path / "exp" / "cross"
    shutil.copytree(custom.path / "exp" / "tones", exp)
    custom.ok("--stage", "4", "--tag", "cross", "--test_sets", "eval mini/eval")
    scores = read_table(exp / "scores/mini/eval")
    assert list(scores) == list(read_table(mini.path / "data/eval/wav.scp"))
    assert (exp / "scores/eval").read_bytes() == (
        custom.path / "exp/tones/scores/eval"
    ).read_bytes()
    results = json.loads((exp / "results.json").read_text())["test_sets"]
    assert list(results) == ["eval", "mini/eval"]
    assert results["mini/eval"]["unseen"]["spoof"] == 15  # noise is all that training knew
    assert (exp / "det_mini_eval.png").is_file()
    assert "## mini/eval" in (exp / "RESULTS.md").read_text()
    assert not (custom.path / "dump/audio/mini").exists()


@pytest.mark.parametrize("name", NAMES)
def test_all_stages_run_and_tell_tones_from_noise(finished, name):
    recipe = finished[name].recipe
    found = results_of(recipe)["test_sets"]["eval"]
    scores = read_table(recipe.path / "exp/tones/scores/eval")
    assert list(scores) == list(read_table(recipe.path / "dump/audio/eval/wav.scp"))
    assert found["eer_percent"] == 0
    assert (recipe.path / "exp/tones/RESULTS.md").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_no_frames_are_dumped_where_none_are_wanted(finished, name):
    """Two recipes say --dump none; in the third, full tuning has no use for them."""
    recipe = finished[name].recipe
    assert {path.name for path in (recipe.path / "dump").glob("[!.]*")} <= {"audio", "log"}
    assert "reads audio" in (recipe.path / "exp/tones/train.log").read_text()


def test_a_corpus_of_spoofs_alone_is_scored_by_another_recipes_model(tree, finished, write_speech):
    corpus, recipe = tree / "spoof_corpus", open_recipe(tree, "only_spoofs")
    for number in range(4):
        write_speech(corpus / "eval/spoof/tts" / f"{number}.wav", "spoof", number)
    (corpus / "eval/bonafide").mkdir()
    assert open_recipe(tree, "TEMPLATE").call("./setup.sh", "only_spoofs").returncode == 0
    prepare = recipe.path / "local/prepare.py"
    text = prepare.read_text().replace("for split in SETS", 'for split in ("eval",)')
    text = text.replace(
        "read_corpus(corpus_folder(args)))", 'read_corpus(corpus_folder(args)), ("eval",))'
    )
    prepare.write_text(text)
    alone = ("--train_set", "", "--dev_set", "", "--stop_stage", "2")
    done = recipe.ok("--corpus_dir", corpus, *alone)
    assert "the eval set has no bonafide clip among 4: it can be scored" in done.stderr
    trained = finished["new"].recipe
    done = trained.ok("--stage", "4", "--test_sets", "eval only_spoofs/eval", "--tag", "tones")
    says = "% of the 4 spoofed trials are rejected at the threshold "
    assert says in done.stderr
    exp = trained.path / "exp/tones"
    assert says in (exp / "RESULTS.md").read_text()
    assert says in (exp / "report.html").read_text().replace("\xa0", " ")
    found = json.loads((exp / "results.json").read_text())["test_sets"]["only_spoofs/eval"]
    assert found["one_class"]["threshold_source"] == "log-likelihood ratio 0, calibrated on dev"
    # Another corpus's attack of the same name is another attack.
    assert found["by"]["attack"]["groups"]["only_spoofs/tts"]["seen_in_training"] is False


def test_ids_carry_the_name_of_the_corpus(finished):
    utts = read_table(finished["new"].recipe.path / "data/eval/utt2label")
    assert all(utt.startswith("my_corpus-") for utt in utts)


@pytest.mark.slow
def test_folders_without_splits_are_divided(finished):
    tables = [validate_data_dir(finished["folders"].recipe.path / "data" / name) for name in SETS]
    assert sum(len(table["wav.scp"]) for table in tables) == 24
    assert set(tables[0]["utt2attack"].values()) == {"-", "custom/tts", "custom/vc"}


def test_asv_scores_reach_the_results(finished, capsys):
    recipe = finished["la"].recipe
    source = recipe.path.parents[1] / "LA/ASVspoof2019_LA_asv_scores"
    asv = recipe.path / "dump/audio/eval/asv_scores"
    assert asv.read_bytes() == (source / "ASVspoof2019.LA.asv.eval.gi.trl.scores.txt").read_bytes()
    found = results_of(recipe)["test_sets"]["eval"]
    capsys.readouterr()
    scores, labels = recipe.path / "exp/tones/scores/eval", recipe.path / "data/eval/utt2label"
    evaluate(["--scores", str(scores), "--labels", str(labels), "--asv_scores", str(asv), "--json"])
    alone = json.loads(capsys.readouterr().out)
    for name in ("min_tdcf_2019", "min_tdcf_2021", "asv"):
        assert found[name] == alone[name]
    assert found["min_tdcf_2019"] == 0  # a countermeasure without errors costs nothing
    assert found["asv"]["eer_percent"] < 5
    assert found["asv"]["p_miss_spoof"] < 0.5  # most spoofs fool this ASV system
    assert "t-DCF" in (recipe.path / "exp/tones/RESULTS.md").read_text()


def test_a_missing_clip_may_be_left_out(finished):
    utts = read_table(finished["la"].recipe.path / "data/eval/wav.scp")
    assert len(utts) == 8
    assert f"asvspoof2019_la-{MISSING}" not in utts
