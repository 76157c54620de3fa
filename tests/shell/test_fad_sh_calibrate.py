"""Stage 4 scores the test sets and the dev set, where it has to, and calibrates on the latter."""

import shutil

STAGE = ("--stage", "4", "--stop_stage", "4")


def scored_sets(recipe) -> list[str]:
    """The sets that were scored, in order; each was also joined."""
    calls = [call for call in recipe.calls() if call[0] == "fad.bin.score_set"]
    found = [call[call.index("--out") + 1].removeprefix("exp/lora/scores/") for call in calls]
    assert found[::2] == found[1::2]
    return found[::2]


def test_a_set_with_scores_of_these_weights_and_this_audio_is_not_scored_again(recipe):
    recipe.add_all()
    done = recipe.run(*STAGE, IS_DONE="--is_done true")
    assert done.returncode == 0, done.stderr
    assert recipe.called() == ["calibrate"]
    assert "stage 4: eval has these scores already" in done.stderr
    done = recipe.run(*STAGE, IS_DONE="audio/eval")
    says = "dump/audio/train is not of data/train as it is now (see above): run stage 2 first"
    assert done.returncode != 0 and says in done.stderr


def test_the_dev_set_is_scored_last_and_calibrates(recipe):
    recipe.add_all()
    done = recipe.run(*STAGE)
    assert done.returncode == 0, done.stderr
    assert scored_sets(recipe) == ["eval", "dev"]
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
        assert scored_sets(recipe) == ["eval"]


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
