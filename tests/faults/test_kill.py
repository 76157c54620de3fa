"""Killed at any moment, stages 2 to 4 of egs/mini end with the bytes of an unbroken run."""

import shutil
from collections import Counter

import pytest

from tests.integration.stages import make_tree, open_recipe

from .killing import SINGLE, Harness

# Training of a few seconds, so that kills strike it and not its start alone.
SETTINGS = ("epochs=12", "patience=12", "batch_size=4", "checkpoint_steps=2", "num_workers=0")
OPTIONS = ("--config", "lora", *(w for s in SETTINGS for w in ("--set", f"train.{s}")))


@pytest.mark.parametrize("kills", [1, pytest.param(7, marks=pytest.mark.slow)])  # of each stage
def test_killed_stages_end_with_the_same_bytes(tmp_path, mini_data, kills):
    recipe = open_recipe(make_tree(tmp_path / "tree"), "mini")
    shutil.copytree(mini_data, recipe.path / "data")
    harness = Harness(recipe, OPTIONS, seed=1)
    for stage in SINGLE:
        harness.break_stage(stage, kills)
    assert Counter(stage for stage, *_ in harness.kills) == dict.fromkeys(SINGLE, kills)
