"""Stage 4 calibrates on the dev set, which it scores where its scores are not of these weights."""

import hashlib
import os
import shutil


def scored_sets(recipe) -> list[str]:
    """The sets that were scored, in order; each was also joined."""
    calls = [call for call in recipe.calls() if call[0] == "fad.bin.score_set"]
    names = [call[call.index("--out") + 1].removeprefix("exp/lora/scores/") for call in calls]
    assert names[::2] == names[1::2]
    return names[::2]


def record(recipe, weights: str, note: str = "") -> None:
    """Makes scores of the dev set that are of these weights, and later than its dump."""
    recipe.add("exp/lora/scores/dev")
    digest = hashlib.sha256(weights.encode()).hexdigest()
    path = recipe.path / "exp/lora/scores/dev.weights.sha256"
    path.write_text(f"{note}{digest}  best.safetensors\n")
    os.utime(recipe.path / "dump/audio/dev/wav.scp", (1, 1))


def test_the_dev_set_is_scored_last_and_calibrates(recipe):
    recipe.add_all()
    done = recipe.run("--stage", "4", "--stop_stage", "4")
    assert done.returncode == 0, done.stderr
    assert scored_sets(recipe) == ["eval", "dev"]
    assert recipe.call("calibrate")[1:] == [
        *("--model", "exp/lora", "--scores", "exp/lora/scores/dev"),
        *("--labels", "dump/audio/dev/utt2label", "--out", "exp/lora/calibration.json"),
    ]


def test_the_dev_set_is_scored_again_only_for_other_weights_or_another_dump(recipe):
    recipe.add_all()
    words = ("--stage", "4", "--stop_stage", "4")
    weights = (recipe.path / "exp/lora/best.safetensors").read_text()
    for state, expected in ((weights, ["eval"]), ("others", ["eval", "dev"])):
        record(recipe, state)
        done = recipe.run(*words)
        assert done.returncode == 0, done.stderr
        assert scored_sets(recipe) == expected
        assert recipe.call("calibrate")
    record(recipe, weights)
    recipe.add("dump/audio/dev/wav.scp")  # made again, after the scores
    os.utime(recipe.path / "exp/lora/scores/dev", (1, 1))
    assert recipe.run(*words).returncode == 0
    assert scored_sets(recipe) == ["eval", "dev"]


def test_a_dev_set_that_is_also_a_test_set_is_scored_once(recipe):
    recipe.add_all()
    record(recipe, (recipe.path / "exp/lora/best.safetensors").read_text())
    done = recipe.run("--stage", "4", "--stop_stage", "4", "--test_sets", "dev eval")
    assert done.returncode == 0, done.stderr
    assert scored_sets(recipe) == ["dev", "eval"]
    assert recipe.call("calibrate")


def test_without_a_dev_set_nothing_calibrates(recipe):
    recipe.add_all()
    shutil.rmtree(recipe.path / "dump/audio/dev")
    for words in (("--dev_set", ""), ("--calibrate", "false")):
        done = recipe.run("--stage", "4", "--stop_stage", "4", *words)
        assert done.returncode == 0, done.stderr
        assert recipe.called() == ["score_set"]
        assert scored_sets(recipe) == ["eval"]


def test_the_dev_set_is_scored_in_the_precision_of_the_test_sets(recipe):
    recipe.add_all()
    words = ("--stage", "4", "--stop_stage", "4", "--score_precision", "int8")
    weights = (recipe.path / "exp/lora/best.safetensors").read_text()
    for note, expected in (("", ["eval", "dev"]), ("# precision int8\n", ["eval"])):
        record(recipe, weights, note)
        done = recipe.run(*words)
        assert done.returncode == 0, done.stderr
        assert scored_sets(recipe) == expected
        for call in recipe.calls():
            assert call[0] != "fad.bin.score_set" or "int8" in call
    record(recipe, weights, "# precision int8\n")
    assert recipe.run(*words[:4]).returncode == 0
    assert scored_sets(recipe) == ["eval", "dev"]


def test_the_dev_set_is_scored_at_the_cost_of_the_test_sets(recipe):
    recipe.add_all()
    words = ("--stage", "4", "--stop_stage", "4", "--score_compute", "2")
    weights = (recipe.path / "exp/lora/best.safetensors").read_text()
    for note, expected in (("", ["eval", "dev"]), ("# precision fp32-compute2\n", ["eval"])):
        record(recipe, weights, note)
        done = recipe.run(*words)
        assert done.returncode == 0, done.stderr
        assert scored_sets(recipe) == expected
        for call in recipe.calls():
            assert call[0] != "fad.bin.score_set" or call[call.index("--compute") + 1] == "2"
    assert recipe.run(*words[:4]).returncode == 0
    assert scored_sets(recipe) == ["eval", "dev"]


def test_a_precision_that_cannot_be_is_refused_before_anything_runs(recipe):
    recipe.add_all()
    for words, message in (
        (("--score_precision", "int4"), "--score_precision int4: fp32 or int8"),
        (("--score_precision", "int8", "--ngpu", "1"), "int8 is for a CPU: stage 4 with --ngpu 0"),
        (("--score_compute", "0"), "--score_compute 0: give a number from 1 up"),
    ):
        done = recipe.run("--stage", "4", *words)
        assert done.returncode != 0
        assert message in done.stderr
        assert recipe.called() == []
