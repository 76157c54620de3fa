"""utils/parse_options.sh: what a command line may set, and what it may not do."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]

SCRIPT = f"""#!/usr/bin/env bash
# Trains a thing.
# Then scores it.
set -euo pipefail
secret=kept
# Options
# [Stages]
stage=1           # first stage to run
skip_train=false  # score the model that is there
# [Model]
config=lora       # name of a method
                  # or the path of a file
tag=              # name of the run
set=              # (repeatable) key=value over the config
# End of options
. {ROOT}/utils/parse_options.sh
printf '%s\\0' "$stage" "$skip_train" "$config" "$tag" "$set" "$secret"
"""
NAMES = ("stage", "skip_train", "config", "tag", "set", "secret")
HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "x; touch pwned",
    "a[$(touch pwned)]",
    "x'; touch pwned; '",
    'x" && touch pwned && "',
    "two words  and   more",
    "one\ntwo\n",
    "\\n %s %n",
    "*",
    "~",
    "",
    "-1",
    "ünïcödé",
]


def parse(bash, *args: str) -> dict[str, str]:
    done = bash(SCRIPT, *args)
    assert done.returncode == 0, done.stderr
    return dict(zip(NAMES, done.stdout.split("\0")[:-1], strict=True))


def refuse(bash, *args: str) -> str:
    done = bash(SCRIPT, *args)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("script.sh: error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_defaults_stand_without_arguments(bash):
    assert parse(bash) == {
        "stage": "1",
        "skip_train": "false",
        "config": "lora",
        "tag": "",
        "set": "",
        "secret": "kept",
    }


def test_both_spellings_dashes_and_last_one_wins(bash):
    seen = parse(
        bash, "--stage", "2", "--stage=3", "--skip-train", "true", "--tag=a=b", "--config=x"
    )
    assert (seen["stage"], seen["skip_train"], seen["tag"]) == ("3", "true", "a=b")


@pytest.mark.parametrize("value", HOSTILE)
def test_values_arrive_as_they_are_and_run_nothing(bash, tmp_path, value):
    assert parse(bash, f"--tag={value}")["tag"] == value
    assert parse(bash, "--tag", value)["tag"] == value
    assert not (tmp_path / "pwned").exists()


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=30))
def test_any_text_arrives(bash, value):
    assert parse(bash, f"--tag={value}")["tag"] == value


@pytest.mark.parametrize(
    "name",
    [
        "$(touch pwned)",
        "a[$(touch pwned)]",
        "tag;touch pwned",
        "",
        "tag[0]",
        "@",
        "*",
        "TAG",
        "_opt_name",
    ],
)
def test_hostile_names_are_unknown_and_run_nothing(bash, tmp_path, name):
    assert "unknown option" in refuse(bash, f"--{name}=x")
    assert not (tmp_path / "pwned").exists()


def test_variables_outside_of_the_block_are_no_options(bash):
    for name in ("secret", "PATH", "IFS"):
        assert f"unknown option '--{name}'" in refuse(bash, f"--{name}", "x")


def test_an_unknown_option_names_the_nearest_and_all(bash):
    text = refuse(bash, "--confg", "x")
    assert "did you mean --config?" in text
    assert "known: --stage --skip_train --config --tag --set" in text
    assert "did you mean" not in refuse(bash, "--entirely_different", "x")


@pytest.mark.parametrize(
    "args", [["lora"], ["--stage", "1", "2"], ["-h"], ["--"], ["--stage=1", ""]]
)
def test_positional_arguments_are_refused(bash, args):
    assert "unexpected argument" in refuse(bash, *args)


@pytest.mark.parametrize("value", ["True", "yes", "1", "", "true ", "false\n"])
def test_a_boolean_takes_only_true_or_false(bash, value):
    assert "--skip_train takes true or false" in bash(SCRIPT, f"--skip_train={value}").stderr


@pytest.mark.parametrize("value", ["three", "", "a[$(touch pwned)]", "1;2", "1\n2"])
def test_a_number_takes_only_numbers(bash, tmp_path, value):
    done = bash(SCRIPT, f"--stage={value}")
    assert done.returncode == 1
    assert "--stage takes a number" in done.stderr
    assert not (tmp_path / "pwned").exists()


def test_a_forgotten_value_is_not_taken_from_the_next_option(bash):
    assert "--tag needs a value" in refuse(bash, "--tag", "--stage", "2")
    assert "--tag needs a value" in refuse(bash, "--tag")
    assert parse(bash, "--tag=--stage")["tag"] == "--stage"


def test_repeatable_values_gather_a_line_each(bash):
    seen = parse(bash, "--set", "a=1", "--set=b=two words", "--set", "c=$(touch pwned)")
    assert seen["set"].split("\n") == ["a=1", "b=two words", "c=$(touch pwned)"]
    assert "one line at a time" in bash(SCRIPT, "--set=a\nb").stderr


def test_help_is_made_from_the_script(bash):
    done = bash(SCRIPT, "--stage", "4", "--help", "--nonsense")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[:4] == [
        "Usage: script.sh [--option value ...]",
        "",
        "Trains a thing.",
        "Then scores it.",
    ]
    assert lines.index("Stages") < lines.index("Model")
    words = [" ".join(line.split()) for line in lines]
    assert "--stage first stage to run (default: 1)" in words
    assert words[words.index("--config name of a method") + 1] == (
        "or the path of a file (default: lora)"
    )
    assert "secret" not in done.stdout
    assert "#" not in done.stdout


def test_a_script_without_a_block_is_told(bash):
    done = bash(f"set -eu\n. {ROOT}/utils/parse_options.sh\n")
    assert done.returncode == 1
    assert "no block from '# Options'" in done.stderr
