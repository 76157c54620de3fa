"""Malformed inputs through the programs: exit code 1, one line, no traceback, no file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.stages import make_tree, open_recipe

from .corpus import BY_NAME
from .fault import CANARY

ROOT = Path(__file__).parents[2]
# A fault, and the program that meets it; `{}` is the malformed input.
PROGRAMS = [
    ("hostile: a pickle bomb in cfg, zip", "-m fad.bin.params --config lora --pretrained {}"),
    ("hostile: a tag that applies in a config", "-m fad.bin.params --pretrained x --config {}"),
    ("hostile: wav.scp has 'touch CANARY |'", "-m fad.bin.validate_data_dir {}"),
    ("data: unsorted", "-m fad.bin.dump_audio --out dump --data {}"),
    ("scores: NaN", "-m fad.bin.evaluate --scores {}"),
    ("table of scores: a score of two logits", "-m fad.bin.evaluate --bonafide 1 --scores {}"),
    ("SASV scores: NaN", "-m fad.bin.evaluate_sasv --key {} --scores {}"),
    ("model: no weights", "-m fad.bin.score a.wav --model {}"),
    ("model: weights cut to 30.0%", "-m fad.bin.score a.wav --model {}"),
    ("custom: an empty folder", "egs/custom/local/prepare.py --corpus_dir {}"),
    ("la: an empty folder", "egs/asvspoof2019_la/local/prepare.py --corpus_dir {}"),
]
# Options of ./run.sh, and what must be said.
OPTIONS = [
    ("--stag 2", "unknown option '--stag'; did you mean --stage?"),
    ("--on-eror skip", "unknown option '--on-eror'; did you mean --on_error?"),
    ("--frobnicate 1", "unknown option '--frobnicate'; known: --stage"),
    ("-s 1", "unexpected argument '-s'; options are written --name value"),
    ("2", "unexpected argument '2'; options are written --name value"),
    ("--stage", "--stage needs a value"),
    ("--stage --nj 2", "--stage needs a value"),
    ("--stage two", "--stage takes a number, not 'two'"),
    ("--stage 1;id", "--stage takes a number, not '1;id'"),
    ("--stage 9", "--stage 9: the stages are 1 to 5"),
    ("--stage 3 --stop_stage 2", "--stop_stage 2 comes before --stage 3: nothing to run"),
    ("--skip_train yes", "--skip_train takes true or false, not 'yes'"),
    ("--dump true", "--dump true: give auto, none, frontend, all or block:K such as block:12"),
    ("--nj 0", "--nj 0: give a number of jobs, from 1 up"),
    ("--nj 1.5", "--nj 1.5: give a number of jobs, from 1 up"),
    ("--tag a/b", "--tag 'a/b': use letters, digits and"),
    ("--tag ..", "--tag '..': use letters, digits and"),
    ("--tag -rf", "--tag '-rf': use letters, digits and"),
    ("--tag $(touch${IFS}CANARY)", "--tag '$(touch${IFS}CANARY)': use letters"),
    ("--tag `touch${IFS}CANARY`", "--tag '`touch${IFS}CANARY`': use letters"),
    ("--nj a[$(touch${IFS}CANARY)]", "--nj a[$(touch${IFS}CANARY)]: give a number of jobs"),
    ("--x[$(touch${IFS}CANARY)] 1", "unknown option '--x[$(touch${IFS}CANARY)]'"),
    ("--stage 3 --pretrained none.pt", "--pretrained none.pt: no such file"),
    ("--stage 2", "data/train/wav.scp is missing: run stage 1 first"),
    ("--stage 1", "where is the corpus? Give --corpus_dir DIR"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return make_tree(tmp_path_factory.mktemp("entry") / "tree")


def files(folder: Path) -> list[Path]:
    """All files but locks, which stay when their holder is gone."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


@pytest.mark.parametrize(("name", "command"), PROGRAMS, ids=lambda text: text[:60])
def test_a_program_says_one_line_and_ends_with_1(name, command, tmp_path):
    fault = BY_NAME[name]
    subject = fault.make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    words = [str(subject) if word == "{}" else word for word in command.split()]
    if words[0].endswith(".py"):
        words[0] = str(ROOT / words[0])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert ".py: error: " in line
    assert sorted(tmp_path.rglob("*")) == before
    assert not (tmp_path / CANARY).exists()


@pytest.mark.parametrize(("options", "says"), OPTIONS, ids=lambda text: text[:40])
def test_a_recipe_refuses_wrong_options_in_one_line(options, says, tree):
    recipe = open_recipe(tree, "custom")
    before = files(recipe.path)
    done = recipe.call("./run.sh", *options.split(" "))
    assert done.returncode == 1, done.stderr
    assert says in done.stderr.splitlines()[-1]
    assert sum("error" in line.lower() or says in line for line in done.stderr.splitlines()) == 1
    assert files(recipe.path) == before
    assert not list(tree.rglob(CANARY))
