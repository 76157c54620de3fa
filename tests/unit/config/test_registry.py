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


@pytest.mark.usefixtures("fresh_registry")
def test_a_class_that_is_registered_can_be_had_and_configured_as_a_shipped_one():
    @registry.register("backend", "mine")
    class Mine:
        def __init__(self, dim, num_layers, size, *rest, **given) -> None:
            pass

    assert registry.get("backend", "mine") is Mine
    registry.check_keys("backend", "mine", {"size": 3})
    with pytest.raises(FadError, match="'mine' needs size"):
        registry.check_keys("backend", "mine", {})
    for key in ("given", "rest", "dim"):
        with pytest.raises(FadError, match=f"'mine' has no key '{key}'; known: size"):
            registry.check_keys("backend", "mine", {"size": 3, key: 1})


@pytest.mark.usefixtures("fresh_registry")
@pytest.mark.parametrize(("slot", "name"), NAMES)
def test_a_taken_name_is_refused_with_both_and_stays(slot, name):
    before = registry.get(slot, name)
    with pytest.raises(FadError) as caught:
        registry.register(slot, name)(dict)
    assert f"{slot}: '{name}' is the name of fad." in str(caught.value)
    assert "give builtins:dict another" in str(caught.value)
    assert registry.get(slot, name) is before


def test_a_slot_that_is_none_is_refused():
    with pytest.raises(FadError, match="'backends' is no slot; did you mean 'backend'"):
        registry.register("backends", "mine")


def test_keys_are_those_of_the_constructor_less_what_the_program_gives():
    registry.check_keys("encoder", "xlsr", {"layers": "last"})
    registry.check_keys("encoder", "xlsr", {})
    with pytest.raises(FadError, match="'xlsr' has no key 'checkpoint'; known: layers"):
        registry.check_keys("encoder", "xlsr", {"checkpoint": "x"})
    with pytest.raises(FadError, match="'frozen' has no key 'rank'; known: none"):
        registry.check_keys("adaptation", "frozen", {"rank": 4})
    with pytest.raises(FadError, match="'weighted_ce' needs weights"):
        registry.check_keys("loss", "weighted_ce", {})
