"""Packed texts: a sequence like a list, but no objects to count references in."""

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fad.data.packed import Texts


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)))))
def test_what_goes_in_comes_out(given_texts):
    texts = Texts(given_texts[:2])
    for text in given_texts[2:]:
        texts.append(text)
    assert list(texts) == given_texts
    assert [texts[n] for n in range(-len(texts), 0)] == given_texts
    assert texts[1:] == given_texts[1:]
    assert texts[::-2] == given_texts[::-2]
    assert len(texts) == len(given_texts)


@pytest.mark.parametrize("index", [2, -3])
def test_there_is_nothing_beyond_the_ends(index):
    with pytest.raises(IndexError):
        Texts(["a", "b"])[index]


def test_many_texts_are_no_more_objects_than_few():
    few, many = (Texts(map(str, range(size))) for size in (1, 1000))
    assert len(gc.get_referents(*vars(many).values())) == len(gc.get_referents(*vars(few).values()))
