import pytest

from fad.data.labels import is_word_for_label, read_label
from fad.utils.errors import FadError


@pytest.mark.parametrize("word", ["bonafide", "bona-fide", "Bona_Fide", "genuine", "REAL", "human"])
def test_words_for_bona_fide(word):
    assert read_label(word) == "bonafide" and is_word_for_label(word)


@pytest.mark.parametrize("word", ["spoof", "Spoofed", "fake", "FAKE", "deepfake"])
def test_words_for_spoof(word):
    assert read_label(word) == "spoof" and is_word_for_label(word)


@pytest.mark.parametrize(("bonafide", "one", "zero"), [("1", "bonafide", "spoof")])
def test_a_number_means_what_the_user_says(bonafide, one, zero):
    assert (read_label("1", bonafide), read_label("0", bonafide)) == (one, zero)
    assert (read_label("0", "0"), read_label("1", "0")) == (one, zero)
    assert read_label("fake", bonafide) == "spoof"


def test_a_number_is_not_guessed():
    assert not is_word_for_label("0")
    with pytest.raises(FadError, match=r"label '0' may mean .* such as --bonafide 1"):
        read_label("0")


@pytest.mark.parametrize("word", ["", "2", "1.5", "target", "A07", "true"])
def test_other_words_are_refused(word):
    assert not is_word_for_label(word)
    with pytest.raises(FadError, match=f"label '{word}'"):
        read_label(word, "1")


def test_a_misspelt_label_gets_a_hint():
    with pytest.raises(FadError, match="did you mean 'bonafide'"):
        read_label("bonafied")
