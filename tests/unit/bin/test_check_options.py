"""The options of run.sh are checked in one place; tests/faults has the messages through run.sh."""

import pytest

from fad.bin.check_options import main
from fad.utils.errors import FadError

GOOD = ["--corpus", "mini"]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ([], "lora"),
        (["--config", "my/own.yml"], "own"),
        (["--config", "lora", "--set", "a.b=1", "--set", "c=[2, 3]"], "lora_a.b=1_c=-2--3-"),
        (["--set", "a=1", "--tag", "mine"], "mine"),
        (["--stage", "3", "--stop_stage", "9", "--nproc", "2", "--dump", "block:12"], "lora"),
        (["--ngpu", "4", "--nj", "4", "--on_error", "skip"], "lora"),
        (["--score_precision", "int8", "--score_compute", "4"], "lora"),
    ],
)
def test_the_experiments_name_is_printed(options, name, capsys):
    main([*GOOD, *options])
    assert capsys.readouterr().out == f"{name}\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--corpus="], "--corpus is missing: call this through a recipe's run.sh"),
        (["--stage", "08"], "--stage 08: the stages are 1 to 5"),
        (["--stop_stage", "x"], "--stop_stage x: the stages are 1 to 5"),
        (["--stage", "4", "--stop_stage", "3"], "--stop_stage 3 comes before --stage 4"),
        (["--nj", "$(id)"], r"--nj \$\(id\): give a number of jobs, from 1 up"),
        (["--nj", "\u0663"], "--nj \u0663: give a number of jobs"),  # a digit, but not shell's
        (["--ngpu=-1"], "--ngpu -1: give a number of GPUs, from 0 up"),
        (["--ngpu", "2", "--nproc", "2"], "--nproc 2: on GPUs there is one process each"),
        (["--on_error", "go"], "--on_error go: stop or skip"),
        (["--dump", "block:0"], "--dump block:0: give auto, none, frontend, all or block:K"),
        (["--tag", "a\nb"], "--tag 'a.nb': use letters, digits"),
        (["--tag=-x"], "--tag '-x': use letters, digits"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(options, message, capsys):
    with pytest.raises(FadError, match=message) as caught:
        main([*GOOD, *options])
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""
