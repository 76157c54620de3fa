"""A new recipe made by egs/TEMPLATE/setup.sh."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from fad.data.tables import validate_data_dir

EGS = Path(__file__).parents[3] / "egs"
FILES = ["README.md", "local/prepare.py", "run.sh"]


@pytest.fixture
def egs(recipe) -> Path:
    return recipe("TEMPLATE").parent


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for split in ("train", "dev", "eval"):
        for kind in ("bonafide", "spoof/tts"):
            path = tmp_path / "corpus" / split / kind / "a.wav"
            path.parent.mkdir(parents=True)
            sf.write(path, np.zeros(100), 16000)
    return tmp_path / "corpus"


def test_the_new_recipe_is_three_files_and_runs(egs, script, prepare_in, corpus):
    made = script(egs.parent, egs / "TEMPLATE/setup.sh", "my_corpus2")
    assert made.returncode == 0, made.stderr
    assert "cd egs/my_corpus2" in made.stdout
    folder = egs / "my_corpus2"
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == FILES
    assert "skeleton" not in "".join((folder / name).read_text() for name in FILES)
    done = prepare_in(folder, "--corpus_dir", corpus, "--nj", "3")
    assert done.returncode == 0, done.stderr
    tables = validate_data_dir(folder / "data/eval")
    assert tables["utt2attack"] == {
        "my_corpus2-eval_bonafide_a": "-",
        "my_corpus2-eval_spoof_tts_a": "my_corpus2/tts",
    }
    assert tables["wav.scp"]["my_corpus2-eval_bonafide_a"] == str(corpus / "eval/bonafide/a.wav")


def test_it_follows_links_to_folders(egs, script, prepare_in, corpus):
    script(egs.parent, egs / "TEMPLATE/setup.sh", "linked")
    (corpus / "eval/spoof/tts").rename(corpus / "elsewhere")
    (corpus / "eval/spoof/vocoder").symlink_to(corpus / "elsewhere")
    done = prepare_in(egs / "linked", "--corpus_dir", corpus)
    assert done.returncode == 0, done.stderr
    assert "linked-eval_spoof_vocoder_a" in validate_data_dir(egs / "linked/data/eval")["wav.scp"]


def test_run_sh_calls_the_stage_script_with_its_name_and_arguments(egs, script):
    script(egs, "TEMPLATE/setup.sh", "mine")
    stages = egs / "TEMPLATE/fad.sh"
    stages.unlink(missing_ok=True)
    stages.write_text('#!/usr/bin/env bash\nprintf "%s|" "$PWD" "$@"\n')
    stages.chmod(0o755)
    words = script(egs, "mine/run.sh", "--set", "a b").stdout.split("|")
    assert words[0] == str(egs / "mine")
    assert words[1:3] == ["--corpus", "mine"]
    assert words[-3:] == ["--set", "a b", ""]


def test_the_new_recipe_says_what_it_misses(egs, script, prepare_in, corpus):
    script(egs, "TEMPLATE/setup.sh", "mine")
    done = prepare_in(egs / "mine")
    assert done.returncode == 1
    assert "Give --corpus_dir DIR" in done.stderr
    done = prepare_in(egs / "mine", "--corpus_dir", corpus / "dev")
    assert done.returncode == 1
    assert "dev/train/spoof: no such folder" in done.stderr


@pytest.mark.parametrize(
    "name", ["TEMPLATE", "../x", "a b", "-x", "1st", "", "a" * 51, "$(id)", "a/b"]
)
def test_bad_names_are_refused(egs, script, name):
    before = sorted(egs.rglob("*"))
    done = script(egs, "TEMPLATE/setup.sh", name)
    assert done.returncode == 1
    assert "is refused: use lower-case letters" in done.stderr
    assert sorted(egs.rglob("*")) == before


@pytest.mark.parametrize("arguments", [(), ("a", "b")])
def test_one_name_is_wanted(egs, script, arguments):
    done = script(egs, "TEMPLATE/setup.sh", *arguments)
    assert done.returncode == 1
    assert "give one argument" in done.stderr


def test_an_existing_recipe_is_left_alone(egs, script):
    (egs / "mine").mkdir()
    done = script(egs, "TEMPLATE/setup.sh", "mine")
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert list((egs / "mine").iterdir()) == []


def test_the_readme_names_what_there_is(egs):
    text = (egs / "TEMPLATE/README.md").read_text()
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    prepare = (egs / "TEMPLATE/skeleton/local/prepare.py").read_text()
    start = prepare.index("def read_corpus")
    end = prepare.index("def main")
    names: dict = {"__name__": "recipe"}
    exec(compile(prepare[:start] + example + "\n\n" + prepare[end:], "prepare.py", "exec"), names)
    folder = egs / "protocol"
    folder.mkdir()
    for split in ("train", "dev", "eval"):
        (folder / f"{split}.txt").write_text("p1 0001 real\np1 0002 tts\n")
    clips = names["read_corpus"](folder)
    assert [(c.name, c.label, c.attack, c.speaker, c.split) for c in clips[:2]] == [
        ("0001", "bonafide", "-", "p1", "train"),
        ("0002", "spoof", "tts", "p1", "train"),
    ]


@pytest.mark.parametrize("name", ["custom/run.sh", "TEMPLATE/setup.sh", "TEMPLATE/study.sh"])
def test_a_link_elsewhere_and_sh_are_no_riddles(tmp_path, name):
    link = tmp_path / "link.sh"
    link.symlink_to(EGS / name)
    done = subprocess.run([link, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage:" in done.stdout
    posix = subprocess.run(["sh", EGS / name], cwd=tmp_path, capture_output=True, text=True)
    assert posix.returncode == 1
    assert "needs bash" in posix.stderr
