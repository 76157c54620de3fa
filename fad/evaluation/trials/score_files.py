"""Files of countermeasure scores, read strictly: an error names the line that is not understood.

A file without a header has one of the `LAYOUTS`: `utt score` of fad and ASVspoof 2021, `utt attack
label score` of ASVspoof 2019 and AASIST, and its later variants. In a file with a header, with
tabs, commas or spaces, the columns have names, as in ASVspoof 5 (`filename<TAB>cm-score`). A higher
score is more bona fide.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TypeVar

from fad.evaluation.trials.columns_file import LOGITS, ColumnsFile, read_columns_file
from fad.evaluation.trials.keys import columns_of
from fad.utils.errors import FadError
from fad.utils.files import write_text

LAYOUTS = (
    ("utt", "score"),
    ("utt", "label", "score"),
    ("utt", "score", "label"),
    ("utt", "attack", "label", "score"),
    ("speaker", "utt", "score", "label"),
    ("speaker", "utt", "attack", "label", "score"),
)
PAIRS = ("spoof,bonafide", "bonafide,spoof")
"""Possible meanings of the two numbers of a cell `[a, b]`."""

# Python's `float` accepts more: `1_000`, and digits of other scripts.
_NUMBER = re.compile(
    r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE
)
_NO_WORD = re.compile(r"[\s,;]")  # characters that separate columns in some format
Cell = TypeVar("Cell")
_HINTS = (
    (re.compile(r"[+-]?[0-9]*,[0-9]+"), "write the decimal comma as a point"),
    (re.compile(r".*[0-9] ?%"), "write it without the percent sign"),
    (re.compile(r"([\"']).*\1"), "write it without quotes"),
    (re.compile(r"[\[(].*,.*[\])]"), f"two logits? Say which: --logits {' or '.join(PAIRS)}"),
    (re.compile(r"[a-z].*", re.I), "a header? Name its columns: --columns utt=NAME,score=NAME"),
)


@dataclass(frozen=True)
class ScoreFile:
    """The contents of a file of countermeasure scores.

    Attributes:
        path: the file.
        scores: score by utterance, in the order of the file.
        labels: `bonafide` or `spoof` by utterance, None if the file has no labels.
        columns: further columns by name (`attack`, `speaker`, ...): value by utterance.
    """

    path: Path
    scores: dict[str, float]
    labels: dict[str, str] | None = None
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_scores(
    path: str | Path,
    chosen: Mapping[str, str] | None = None,
    bonafide: str | None = None,
    pair: str | None = None,
) -> ScoreFile:
    """Reads countermeasure scores.

    Args:
        path: a file of one of the `LAYOUTS`, or with a header.
        chosen: the header's column by name, as `read_columns_file` takes it. Columns for both
            `bonafide_logit` and `spoof_logit` replace a score, which is their difference.
        bonafide: which of the labels 0 and 1 is bona fide, if labels are numbers.
        pair: one of `PAIRS`, if each score is a cell of two logits `[a, b]`; the score is then the
            logit of bona fide minus that of spoof.

    Raises:
        FadError: as `read_columns_file`; a score is no finite number, a label is unknown, or an
            attack does not fit its label.
    """
    wanted = LOGITS if chosen and chosen.keys() & set(LOGITS) else ("score",)
    file = read_columns_file(path, LAYOUTS, ("utt", *wanted), chosen)
    utts = file.columns["utt"]
    scores = dict(zip(utts, _scores(file, pair), strict=True))
    labels = file.labels(bonafide) if "label" in file.columns else None
    by_utt = dict(zip(utts, labels, strict=True)) if labels else None
    return ScoreFile(file.path, scores, by_utt, columns_of(file, labels))


def write_scores(path: str | Path, scores: Mapping[str, float]) -> None:
    """Writes `utt score`, sorted, atomically; `read_scores` returns exactly the same numbers.

    Raises:
        FadError: a name is not one word, so it could not be read back.
    """
    for utt in scores:
        if _NO_WORD.search(utt):
            raise FadError(
                f"{path}: '{utt[:80]}' has white space, a comma or a semicolon: name it without, "
                "in the scores too"
            )
    # Adding 0 turns -0.0 into 0.0.
    write_text(path, "".join(f"{utt} {scores[utt] + 0.0!r}\n" for utt in sorted(scores)))


def read_number(text: str) -> float:
    """Reads a finite score.

    Raises:
        FadError: it is none; the message says what may be wrong, and the caller adds the place.
    """
    if not _NUMBER.fullmatch(text):
        hint = next((hint for form, hint in _HINTS if form.fullmatch(text)), None)
        raise FadError(f"'{text[:40]}' is not a number: {hint or 'expected a score, such as -1.5'}")
    score = float(text)
    if not isfinite(score):
        raise FadError(f"score '{text[:40]}' is not finite: score this trial again")
    return score


def _scores(file: ColumnsFile, pair: str | None) -> list[float]:
    if LOGITS[0] in file.columns:
        logits = zip(*(file.columns[name] for name in LOGITS), strict=True)
        return _mapped(file, logits, lambda cells: _difference(*cells))
    if pair:
        return _mapped(file, file.columns["score"], partial(_pair_score, pair=pair))
    return _mapped(file, file.columns["score"], read_number)


def _mapped(file: ColumnsFile, cells: Iterable[Cell], read: Callable[[Cell], float]) -> list[float]:
    """Each cell as a number; an error names its line."""
    numbers = []
    for cell in cells:
        try:
            numbers.append(read(cell))
        except FadError as error:
            raise FadError(f"{file.place(len(numbers))}: {error}") from None
    return numbers


def _difference(bonafide: str, spoof: str) -> float:
    score = read_number(bonafide) - read_number(spoof)
    if not isfinite(score):
        raise FadError(f"'{bonafide[:40]}' less '{spoof[:40]}' is not finite: score it again")
    return score


def _pair_score(cell: str, pair: str) -> float:
    """The score of a cell of two logits, such as `[-3.75, 3.77]`."""
    logits = [part.strip() for part in cell.strip("[]()").split(",")]
    if len(logits) != 2:
        raise FadError(f"'{cell[:40]}' is no pair of logits '[a, b]', as --logits says it is")
    bonafide, spoof = logits if pair == "bonafide,spoof" else reversed(logits)
    return _difference(bonafide, spoof)
