"""The tables of names: all can be had, and what a config may say to each."""

import inspect

import pytest

from fad.config import registry
from fad.utils.errors import FadError

NAMES = [(slot, name) for slot, table in registry.SLOTS.items() for name in table]


@pytest.mark.parametrize(("slot", "name"), NAMES)
def test_every_name_stands_for_something_documented(slot, name):
    found = registry.get(slot, name)
    assert callable(found)
    assert inspect.getdoc(found)


@pytest.mark.parametrize("slot", registry.SLOTS)
def test_an_unknown_name_is_refused_with_what_there_is(slot):
    with pytest.raises(FadError) as caught:
        registry.get(slot, "nothing-like-it")
    assert str(caught.value).startswith(f"{slot}: 'nothing-like-it' is unknown; known: ")
    assert all(name in str(caught.value) for name in registry.SLOTS[slot])


def test_keys_are_those_of_the_constructor_less_what_the_program_gives():
    registry.check_keys("encoder", "xlsr", {"layers": "last"})
    registry.check_keys("encoder", "xlsr", {})
    with pytest.raises(FadError, match="'xlsr' has no key 'checkpoint'; known: layers"):
        registry.check_keys("encoder", "xlsr", {"checkpoint": "x"})
    with pytest.raises(FadError, match="'frozen' has no key 'rank'; known: none"):
        registry.check_keys("adaptation", "frozen", {"rank": 4})
    with pytest.raises(FadError, match="'weighted_ce' needs weights"):
        registry.check_keys("loss", "weighted_ce", {})
