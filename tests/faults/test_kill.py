"""Killed at any moment, stages 2 to 4 of egs/mini end with the bytes of an unbroken run."""

from collections import Counter

from tests.integration.stages import SHORT, make_tree, open_recipe

from .killing import STAGES, Harness

KILLS = 7  # of each stage


def test_killed_stages_end_with_the_same_bytes(tmp_path):
    recipe = open_recipe(make_tree(tmp_path / "tree"), "mini")
    recipe.ok("--data_opts=--languages=1", "--stop_stage", "1")
    steps = ("--set", "train.checkpoint_steps=1", "--set", "train.batch_size=8")
    harness = Harness(recipe, ("--config", "lora", *SHORT, *steps), seed=1)
    for stage in STAGES:
        harness.break_stage(stage, KILLS)
    assert Counter(stage for stage, *_ in harness.kills) == dict.fromkeys(STAGES, KILLS)
