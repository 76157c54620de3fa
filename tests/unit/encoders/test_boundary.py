"""The order and the names of boundaries, and what must be stored at one."""

import argparse

import pytest

from fad.encoders.boundary import FRONTEND, NONE, block, named_boundary, needed_outputs, parse_dump
from fad.utils.errors import FadError


def test_deeper_is_larger():
    assert NONE < FRONTEND < block(1) < block(2)
    assert [str(b) for b in (NONE, FRONTEND, block(12))] == ["none", "frontend", "block:12"]


def test_names_stand_for_boundaries():
    names = {"none": NONE, "frontend": FRONTEND, "block:3": block(3), "all": block(24)}
    assert {name: named_boundary(parse_dump(name), 24) for name in names} == names
    with pytest.raises(FadError, match=r"--dump block:25: the last block .* is 24"):
        named_boundary("block:25", 24)
    assert parse_dump("auto") == "auto"


@pytest.mark.parametrize("text", ["block:0", "block:", "block:1.5", "block:123456", "true", ""])
def test_other_words_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match=r"block:K such as block:12, not"):
        parse_dump(text)


@pytest.mark.parametrize(
    ("boundary", "wanted", "expected"),
    [
        (FRONTEND, (1, 2, 3), (0,)),
        (block(2), (1, 2, 3), (1, 2)),
        (block(2), (3,), (2,)),
        (block(2), (1, 3), (1, 2)),
        (block(3), (1, 3), (1, 3)),
    ],
)
def test_what_goes_on_and_what_the_backend_wants_are_stored(boundary, wanted, expected):
    assert needed_outputs(boundary, wanted) == expected
