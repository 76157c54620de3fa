"""A disk without room: a stage says so in one line, keeps what was finished, and goes on later.

No file may grow over a limit, which to a program looks like a full disk.
"""

import shutil

import pytest

from tests.integration.stages import SHORT, Recipe, make_tree, open_recipe

from .killing import compare, outcome

KIB = {"dump": 40, "train": 12, "score": 8}  # less than a file of the stage needs
STAGES = {"dump": ("2", "2"), "train": ("3", "3"), "score": ("4", "5")}
TOO_LARGE = {"dump": "feats.00001.ark", "train": "checkpoint.pt", "score": "det_eval.png"}
OPTIONS = ("--config", "lora", *SHORT, "--set", "train.patience=9", "--tag", "full_disk")
OPTIONS += ("--nj", "1")
LATER = [pytest.param(stage, marks=pytest.mark.slow) for stage in ("train", "score")]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, mini_data) -> Recipe:
    made = open_recipe(make_tree(tmp_path_factory.mktemp("disk") / "tree"), "mini")
    shutil.copytree(mini_data, made.path / "data")
    return made


@pytest.mark.parametrize("stage", ["dump", *LATER])
def test_a_full_disk_is_one_line_and_the_stage_goes_on_later(recipe, stage):
    first, last = STAGES[stage]
    if stage != "dump":  # where the stages before were not tried, or not all
        recipe.ok("--stage", "2", "--stop_stage", str(int(first) - 1), *OPTIONS)
    words = ("--stage", first, "--stop_stage", last, *OPTIONS)
    limited = recipe.shell(
        f"ulimit -f {KIB[stage]}; ./run.sh --pretrained {recipe.pretrained} {' '.join(words)}"
    )
    assert limited.returncode == 1
    # A set, since the end of a failing log is shown once more.
    (line,) = {line for line in limited.stderr.splitlines() if TOO_LARGE[stage] in line}
    assert "no room left to write it" in line
    assert "start the same command again" in line
    assert "Traceback" not in limited.stderr
    assert [path for path in outcome(recipe.path, "dump") if ".part" in path] == []

    recipe.ok(*words)
    after = outcome(recipe.path, "dump")
    recipe.ok(*words)
    compare(after, outcome(recipe.path, "dump"))
