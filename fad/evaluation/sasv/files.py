"""Scores and keys of spoofing-aware speaker verification, read strictly.

A trial is a claimed speaker and an utterance. Scores have the format of submissions to ASVspoof 5,
track 2, a table with a header:

    spk     filename    cm-score  asv-score  sasv-score
    E_2040  E_000001    -         -          0.001

where a column of dashes is a score that the system does not have; or they are plain `speaker utt
score`. The key is a table with the columns `spk filename asv-label` and optionally `cm-label`,
which is checked; or plain `speaker utt target|nontarget|spoof`; or the protocol of SASV 2022, which
has `bonafide` or the attack before the label. Columns are separated by tabs or spaces. A higher
score is more target, or more bona fide.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np

from fad.data.tables import LABELS, check_same_keys, read_lines
from fad.evaluation.trials.score_files import read_number
from fad.utils.errors import FadError, nearest

KINDS = ("target", "nontarget", "spoof")
SYSTEMS = {"sasv-score": "sasv", "cm-score": "cm", "asv-score": "asv"}
TRIAL = ("spk", "filename")
PLAIN_SCORES = {3: (*TRIAL, "sasv-score")}
PLAIN_KEYS = {3: (*TRIAL, "asv-label"), 4: (*TRIAL, "attack", "asv-label")}
FULL_KEY_NAMES = {"tar-spk-anon": "spk", "trial-anon": "filename"}
"""Names of columns, by their names in the organisers' full key."""
NO_SCORE = "-"


class ScoresByKind(TypedDict):
    """A system's scores by kind of trial, each (N_kind,) float."""

    target: np.ndarray
    nontarget: np.ndarray
    spoof: np.ndarray


@dataclass(frozen=True)
class SasvTrials:
    """The trials of one set, as vectors of one length N.

    Attributes:
        name: where the scores come from, for messages.
        kinds: (N,) str, `target`, `nontarget` or `spoof`.
        scores: (N,) float by system, `sasv`, `cm` or `asv`; only of the systems given.
    """

    name: str
    kinds: np.ndarray
    scores: Mapping[str, np.ndarray]

    def of(self, system: str) -> ScoresByKind:
        """A system's scores by kind of trial."""
        target, nontarget, spoof = (self.scores[system][self.kinds == kind] for kind in KINDS)
        return {"target": target, "nontarget": nontarget, "spoof": spoof}


@dataclass(frozen=True)
class _Table:
    """The lines of a file, and the names of its columns from its header or its layout."""

    path: Path
    names: tuple[str, ...]
    lines: list[str]
    first: int

    def rows(self) -> Iterator[tuple[int, str, list[str]]]:
        """Line number, trial and cells of each line.

        Raises:
            FadError: a line has more or fewer columns than names, or a trial occurs twice.
        """
        speaker, utt = (self.names.index(name) for name in TRIAL)
        seen = set()
        for number, line in enumerate(self.lines, start=self.first):
            cells = line.split()
            if len(cells) != len(self.names):
                raise FadError(
                    f"{self.path}:{number}: {len(cells)} columns where {len(self.names)} are "
                    f"expected: '{' '.join(self.names)}'"
                )
            trial = f"{cells[speaker]} {cells[utt]}"
            if trial in seen:
                raise FadError(f"{self.path}:{number}: trial '{trial[:80]}' occurs twice: keep one")
            seen.add(trial)
            yield number, trial, cells


def _read(path: Path, plain: Mapping[int, tuple[str, ...]]) -> _Table:
    """Reads a file; `plain` has the names of columns without a header, by their number."""
    lines = read_lines(path)
    if not lines:
        raise FadError(f"{path}: is empty: expected a header, or lines of '{' '.join(plain[3])}'")
    cells = lines[0].split()
    # The organisers write `cm-label` in some files and `cm_label` in others; others use capitals.
    names = [cell.replace("_", "-").lower() for cell in cells]
    header = tuple(FULL_KEY_NAMES.get(name, name) for name in names)
    if set(header) & {*TRIAL, *SYSTEMS, "asv-label"}:
        return _Table(path, _check_header(path, header), lines[1:], 2)
    return _Table(path, plain.get(len(cells), plain[3]), lines, 1)


def _check_header(path: Path, header: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise FadError(f"{path}:1: column '{twice[0]}' comes twice: keep one")
    missing = [name for name in TRIAL if name not in header]
    if missing:
        raise FadError(f"{path}:1: the header lacks {' and '.join(missing)}: a trial has both")
    return header


def _number(text: str, path: Path, line: int) -> float:
    """Reads a finite score; an error names its file and line."""
    try:
        return read_number(text)
    except FadError as error:
        raise FadError(f"{path}:{line}: {error}") from None


def read_sasv_scores(path: str | Path) -> dict[str, dict[str, float]]:
    """Scores by trial, `<speaker> <utt>`, of each system that the file has: `sasv`, `cm`, `asv`.

    Raises:
        FadError: the file is missing or empty; its header has an unknown name or lacks one; a line
            has another number of columns, a score that is no finite number, or a trial that occurs
            twice; a column has a dash for some trials but not for all; or there is no score.
    """
    path = Path(path)
    table = _read(path, PLAIN_SCORES)
    known = {*TRIAL, *SYSTEMS}
    for name in table.names:
        if name not in known:
            raise FadError(f"{path}:1: unknown column '{name[:40]}': {nearest(name, known)}")
    columns = {SYSTEMS[name]: i for i, name in enumerate(table.names) if name in SYSTEMS}
    scores: dict[str, dict[str, float]] = {system: {} for system in columns}
    dashes: dict[str, str] = {}
    for line, trial, cells in table.rows():
        for system, column in columns.items():
            if cells[column] == NO_SCORE:
                dashes.setdefault(system, trial)
            else:
                scores[system][trial] = _number(cells[column], path, line)
    for system, trial in dashes.items():
        if scores[system]:
            all_trials = len(table.lines)
            unscored = all_trials - len(scores[system])
            raise FadError(
                f"{path}: {unscored} of {all_trials} trials have '{NO_SCORE}' as {system}-score, "
                f"the first '{trial[:80]}': score all of them or none"
            )
    scores = {system: found for system, found in scores.items() if found}
    if not scores:
        raise FadError(f"{path}: no scores in it: score the trials first")
    return scores


def read_sasv_key(path: str | Path) -> dict[str, str]:
    """Kind of each trial, `target`, `nontarget` or `spoof`, by `<speaker> <utt>`.

    Raises:
        FadError: the file is missing or empty; its header lacks `asv-label`; a line has another
            number of columns, an unknown label, labels that contradict each other, or a trial that
            occurs twice.
    """
    path = Path(path)
    table = _read(path, PLAIN_KEYS)
    if "asv-label" not in table.names:
        raise FadError(f"{path}:1: the header lacks asv-label: is it the key of track 2?")
    column = table.names.index("asv-label")
    cm_column = table.names.index("cm-label") if "cm-label" in table.names else None
    kinds: dict[str, str] = {}
    for line, trial, cells in table.rows():
        kind = cells[column]
        if kind not in KINDS:
            raise FadError(f"{path}:{line}: label '{kind[:40]}' is none of {', '.join(KINDS)}")
        expected = LABELS[kind != "spoof"]
        if cm_column is not None and cells[cm_column] != expected:
            raise FadError(
                f"{path}:{line}: cm-label '{cells[cm_column][:40]}' of a {kind} trial: "
                f"expected '{expected}'"
            )
        kinds[trial] = kind
    return kinds


def read_sasv_trials(scores: str | Path, key: str | Path) -> SasvTrials:
    """Joins scores and key by trial.

    Raises:
        FadError: as the two readers; the files have different trials; or a kind is missing.
    """
    found, kinds = read_sasv_scores(scores), read_sasv_key(key)
    try:
        check_same_keys({str(scores): next(iter(found.values())), str(key): kinds})
    except FadError as error:
        raise FadError(f"{error}: score exactly the trials of the key") from error
    missing = [kind for kind in KINDS if kind not in set(kinds.values())]
    if missing:
        raise FadError(f"{key}: no {' and no '.join(missing)} trial: all three kinds are needed")
    return SasvTrials(
        name=str(scores),
        kinds=np.array(list(kinds.values())),
        scores={
            system: np.array([by_trial[trial] for trial in kinds])
            for system, by_trial in found.items()
        },
    )
