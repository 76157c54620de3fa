"""The words of corpora and toolkits for bona fide and spoofed speech."""

from fad.data.tables import LABELS
from fad.utils.errors import FadError, nearest

SPELLINGS = {
    **dict.fromkeys(("bonafide", "bona-fide", "bona_fide", "genuine", "human", "real"), "bonafide"),
    **dict.fromkeys(("spoof", "spoofed", "fake", "deepfake"), "spoof"),
}
NUMBERS = ("0", "1")
NUMBERS_OF_FLOATS = {"0.0": "0", "1.0": "1"}  # as pandas writes a column that has lacked a value


def read_label(word: str, bonafide: str | None = None) -> str:
    """The meaning of a label: `bonafide` or `spoof`; upper and lower case are the same.

    Args:
        word: the label, one of `SPELLINGS`, or a number if `bonafide` is given.
        bonafide: `0` or `1`, the number for bona fide. There is no default: toolkits differ.

    Raises:
        FadError: the word is unknown, or it is a number and `bonafide` is not given.
    """
    word = NUMBERS_OF_FLOATS.get(word, word)
    if word in NUMBERS and bonafide is not None:
        return LABELS[word == bonafide]
    if word in NUMBERS:
        raise FadError(
            f"label '{word}' may mean bona fide or spoof: say which number is bona fide, "
            "such as --bonafide 1"
        )
    meaning = SPELLINGS.get(word.lower())
    if meaning is None:
        raise FadError(f"label '{word[:40]}': {nearest(word[:40], SPELLINGS)}")
    return meaning


def is_word_for_label(word: str) -> bool:
    """Whether a word is a label and not a number; used to find the label column."""
    return word.lower() in SPELLINGS
