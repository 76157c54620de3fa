"""Killed at any moment, stages 2 to 4 of egs/mini end with the bytes of an unbroken run."""

import shutil
from collections import Counter

from tests.integration.stages import make_tree, open_recipe

from .killing import STAGES, Harness

KILLS = 7  # of each stage
# Training of a few seconds, so that kills strike it and not its start alone.
SETTINGS = ("epochs=12", "patience=12", "batch_size=4", "checkpoint_steps=2", "num_workers=0")
OPTIONS = ("--config", "lora", *(w for s in SETTINGS for w in ("--set", f"train.{s}")))


def test_killed_stages_end_with_the_same_bytes(tmp_path, mini_data):
    recipe = open_recipe(make_tree(tmp_path / "tree"), "mini")
    shutil.copytree(mini_data, recipe.path / "data")
    harness = Harness(recipe, OPTIONS, seed=1)
    for stage in STAGES:
        harness.break_stage(stage, KILLS)
    assert Counter(stage for stage, *_ in harness.kills) == dict.fromkeys(STAGES, KILLS)
