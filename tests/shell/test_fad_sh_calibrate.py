"""Stage 4 calibrates on the dev set, which is scored where its scores are not of these weights."""

import shutil

STAGE = ("--stage", "4", "--stop_stage", "4")


def scored_sets(recipe) -> list[tuple[str, bool]]:
    """The sets that were scored, in order, and whether only if needed; each was also joined."""
    calls = [call for call in recipe.calls() if call[0] == "fad.bin.score_set"]
    found = [
        (call[call.index("--out") + 1].removeprefix("exp/lora/scores/"), "--if_needed" in call)
        for call in calls
    ]
    assert found[::2] == found[1::2]
    return found[::2]


def test_the_dev_set_is_scored_last_if_needed_and_calibrates(recipe):
    recipe.add_all()
    done = recipe.run(*STAGE)
    assert done.returncode == 0, done.stderr
    assert scored_sets(recipe) == [("eval", False), ("dev", True)]
    assert recipe.call("calibrate")[1:] == [
        *("--model", "exp/lora", "--scores", "exp/lora/scores/dev"),
        *("--labels", "dump/audio/dev/utt2label", "--out", "exp/lora/calibration.json"),
    ]


def test_without_a_dev_set_nothing_calibrates(recipe):
    recipe.add_all()
    shutil.rmtree(recipe.path / "dump/audio/dev")
    for words in (("--dev_set", ""), ("--calibrate", "false")):
        done = recipe.run(*STAGE, *words)
        assert done.returncode == 0, done.stderr
        assert recipe.called() == ["score_set"]
        assert scored_sets(recipe) == [("eval", False)]


def test_the_dev_set_is_scored_in_the_precision_and_at_the_cost_of_the_test_sets(recipe):
    recipe.add_all()
    done = recipe.run(*STAGE, "--score_precision", "int8", "--score_compute", "2")
    assert done.returncode == 0, done.stderr
    calls = [call for call in recipe.calls() if call[0] == "fad.bin.score_set"]
    assert len(calls) == 4
    for call in calls:
        assert call[call.index("--precision") + 1] == "int8"
        assert call[call.index("--compute") + 1] == "2"


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
