"""Scores of the speaker verification system (ASV) that t-DCF combines with the countermeasure.

ASVspoof 2019 publishes them as `bonafide|<attack> target|nontarget|spoof score`. ASVspoof 2021
publishes `speaker trial score` and a separate key of the same pairs (`ASV/trial_metadata.txt`) with
the kind and the phase of each trial. A higher score is more target.
"""

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from fad.data.tables import read_lines
from fad.evaluation.trials.keys import pa_phase
from fad.evaluation.trials.score_files import read_number
from fad.utils.errors import FadError, nearest

ASV_KINDS = ("target", "nontarget", "spoof")
LA_WIDTH, PA_WIDTH = 8, 12  # columns of the keys; DF has no ASV trials
Pair = tuple[str, str]


def read_asv_scores(
    path: str | Path,
    key: str | Path | None = None,
    phase: str | None = None,
    attacks: Collection[str] = (),
) -> dict[str, np.ndarray]:
    """Reads ASV scores.

    Args:
        path: the file: ASVspoof 2019's, or with a key ASVspoof 2021's.
        key: ASVspoof 2021's key of these scores.
        phase: the phase of the key whose scores are taken; None for all.
        attacks: the attacks of the trials, if known; ASVspoof 2019's scores must share some.

    Returns:
        Scores by kind, `target`, `nontarget` and `spoof`, each (N_kind,) float64.

    Raises:
        FadError: a file is missing, a line is malformed, a kind of trial is missing; none of its
            attacks is one of the trials'; the key has no such phase, a trial of the key has no
            score, or a score belongs to no trial of the key.
    """
    if key is None:
        return _read_2019(Path(path), {attack.rpartition("/")[2] for attack in attacks})
    kinds = _read_key(Path(key))
    phases = {its_phase for _, its_phase in kinds.values()}
    if phase is not None and phase not in phases:
        raise FadError(f"{key}: no trial of the phase '{phase}': {nearest(phase, phases)}")
    scored: set[Pair] = set()

    def kind_of(columns: list[str]) -> str | None:
        pair = (columns[0], columns[1])
        if pair not in kinds or pair in scored:
            what = "occurs twice" if pair in scored else f"is no trial of {key}"
            raise FadError(f"'{' '.join(pair)[:80]}' {what}: give each trial of the key once")
        scored.add(pair)
        kind, its_phase = kinds[pair]
        return kind if phase in (None, its_phase) else None

    scores = _read(Path(path), "<speaker> <trial> <score>", kind_of)
    if missing := [pair for pair in kinds if pair not in scored]:
        raise FadError(
            f"{path}: {len(missing):,} of the {len(kinds):,} trials of {key} have no score, such "
            f"as '{' '.join(missing[0])[:80]}': score them all"
        )
    return scores


def _read_2019(path: Path, attacks: set[str]) -> dict[str, np.ndarray]:
    own: set[str] = set()

    def kind_of(columns: list[str]) -> str:
        kind = _kind_2019(columns)
        if kind == "spoof":
            own.add(columns[0])
        return kind

    scores = _read(path, "bonafide|<attack> target|nontarget|spoof score", kind_of)
    if attacks and not own & attacks:
        raise FadError(
            f"{path}: its spoofs are of {_some(own)}, and those of the trials of {_some(attacks)}: "
            "these ASV scores are of another set"
        )
    return scores


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")


def _kind_2019(columns: list[str]) -> str:
    if columns[1] not in ASV_KINDS:
        raise FadError(
            f"kind of trial '{columns[1][:40]}' is none of {', '.join(ASV_KINDS)}: the scores of "
            "ASVspoof 2021 need --asv_key"
        )
    return columns[1]


def _read_key(path: Path) -> dict[Pair, tuple[str, str]]:
    """Reads the kind and the phase of each pair of speaker and trial."""
    kinds: dict[Pair, tuple[str, str]] = {}
    for line, text in enumerate(read_lines(path), start=1):
        columns = text.split()
        if len(columns) not in (LA_WIDTH, PA_WIDTH) or columns[-3] not in ASV_KINDS:
            raise FadError(
                f"{path}:{line}: expected ASVspoof 2021's ASV/trial_metadata.txt: "
                "'<speaker> <trial> ... target|nontarget|spoof <trim> <phase>'"
            )
        kind, trim, phase = columns[-3:]
        if len(columns) == PA_WIDTH:
            phase = pa_phase(phase, trim)
        kinds[columns[0], columns[1]] = kind, phase
    return kinds


def _read(
    path: Path, form: str, kind_of: Callable[[list[str]], str | None]
) -> dict[str, np.ndarray]:
    """Reads scores by kind, of those lines to which `kind_of` gives a kind."""
    scores: dict[str, list[float]] = {kind: [] for kind in ASV_KINDS}
    for line, text in enumerate(read_lines(path), start=1):
        columns = text.split()
        if len(columns) != 3:
            raise FadError(f"{path}:{line}: {len(columns)} columns where 3 are expected: '{form}'")
        try:
            if kind := kind_of(columns):
                scores[kind].append(read_number(columns[2]))
        except FadError as error:
            raise FadError(f"{path}:{line}: {error}") from None
    missing = [kind for kind in ASV_KINDS if not scores[kind]]
    if missing:
        raise FadError(f"{path}: no {' and no '.join(missing)} trials: t-DCF needs all three kinds")
    return {kind: np.array(values) for kind, values in scores.items()}
