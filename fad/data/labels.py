"""The words that corpora and toolkits use for bona fide and for spoofed speech."""

from fad.data.tables import LABELS
from fad.utils.errors import FadError, nearest

SPELLINGS = {
    **dict.fromkeys(("bonafide", "bona-fide", "bona_fide", "genuine", "human", "real"), "bonafide"),
    **dict.fromkeys(("spoof", "spoofed", "fake", "deepfake"), "spoof"),
}
NUMBERS = ("0", "1")


def read_label(word: str, bonafide: str | None = None) -> str:
    """What a label means: `bonafide` or `spoof`; capital letters do not matter.

    Args:
        word: the label, one of `SPELLINGS`, or a number where `bonafide` is given.
        bonafide: which of `0` and `1` is bona fide: toolkits differ, so no one is assumed.

    Raises:
        FadError: the word is unknown, or a number whose meaning was not said.
    """
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
    """Whether a word, and no number, is a label: so one tells the columns of a file."""
    return word.lower() in SPELLINGS
