"""Files of scores, read strictly: a line that is not understood is an error with its place.

Countermeasure scores have two columns, `utt score` (fad's own), or four, `utt attack label score`
(ASVspoof 2019, which carries labels and attacks). ASV scores have three, as ASVspoof 2019 hands
them out: `bonafide|Axx target|nontarget|spoof score`. A higher score
is more bona fide, or more target.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from fad.data.tables import LABELS, read_lines
from fad.errors import FadError

ASV_KINDS = ("target", "nontarget", "spoof")
# Python's `float` takes more: `1_000`, and digits of other scripts.
_NUMBER = re.compile(
    r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE
)
COLUMNS = {2: "utt score", 4: "utt attack label score"}


@dataclass(frozen=True)
class ScoreFile:
    """What a file of countermeasure scores says.

    Attributes:
        path: the file.
        scores: score by utterance, in the order of the file.
        labels: `bonafide` or `spoof` by utterance, None where the file has no labels.
        attacks: attack by utterance, None where the file has no attacks.
    """

    path: Path
    scores: dict[str, float]
    labels: dict[str, str] | None = None
    attacks: dict[str, str] | None = None


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line numbers, from 1, and the columns of each line."""
    return ((number, line.split()) for number, line in enumerate(read_lines(path), start=1))


def _number(text: str, path: Path, line: int) -> float:
    """A finite score."""
    if not _NUMBER.fullmatch(text):
        raise FadError(
            f"{path}:{line}: '{text[:40]}' is not a number: expected a score, such as -1.5"
        )
    score = float(text)
    if not isfinite(score):
        raise FadError(f"{path}:{line}: score '{text[:40]}' is not finite: score this trial again")
    return score


def _check_columns(columns: list[str], expected: int, form: str, path: Path, line: int) -> None:
    if len(columns) != expected:
        raise FadError(
            f"{path}:{line}: {len(columns)} columns where {expected} are expected: '{form}'"
        )


def _check_label(label: str, path: Path, line: int) -> None:
    if label not in LABELS:
        raise FadError(f"{path}:{line}: label '{label}' is neither 'bonafide' nor 'spoof'")


def read_scores(path: str | Path) -> ScoreFile:
    """Reads countermeasure scores of two or four columns; the first line decides which.

    Raises:
        FadError: the file is missing or empty; a line has another number of columns than the
            first, a score that is no finite number, an unknown label, or an utterance that came
            before.
    """
    path = Path(path)
    scores: dict[str, float] = {}
    labels: dict[str, str] = {}
    attacks: dict[str, str] = {}
    expected = 0
    for line, columns in _lines(path):
        if not expected:
            expected = len(columns) if len(columns) in COLUMNS else min(COLUMNS)
        _check_columns(columns, expected, COLUMNS[expected], path, line)
        utt = columns[0]
        if utt in scores:
            raise FadError(f"{path}:{line}: '{utt}' has a score already: keep one line for it")
        scores[utt] = _number(columns[-1], path, line)
        if expected == 4:
            _check_label(columns[2], path, line)
            attacks[utt], labels[utt] = columns[1], columns[2]
    if not scores:
        raise FadError(f"{path}: no scores in it: score the set first (stage 4)")
    return ScoreFile(path, scores, labels or None, attacks or None)


def read_asv_scores(path: str | Path) -> dict[str, np.ndarray]:
    """Reads ASV scores: a vector (N,) of scores for each of `target`, `nontarget`, `spoof`.

    Raises:
        FadError: the file is missing, a line is malformed, or a kind of trial is missing.
    """
    path = Path(path)
    scores: dict[str, list[float]] = {kind: [] for kind in ASV_KINDS}
    form = "bonafide|<attack> target|nontarget|spoof score"
    for line, columns in _lines(path):
        _check_columns(columns, 3, form, path, line)
        if columns[1] not in scores:
            raise FadError(
                f"{path}:{line}: kind of trial '{columns[1]}' is none of {', '.join(ASV_KINDS)}"
            )
        scores[columns[1]].append(_number(columns[2], path, line))
    missing = [kind for kind in ASV_KINDS if not scores[kind]]
    if missing:
        raise FadError(f"{path}: no {' and no '.join(missing)} trials: t-DCF needs all three kinds")
    return {kind: np.array(values) for kind, values in scores.items()}
