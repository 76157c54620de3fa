"""Joins a score file with a key and tables to trials, and diagnoses what does not fit.

No trial is left out and none is taken twice: a score file must have exactly the trials of the key,
or, if a phase is chosen, all trials of that phase.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from fad.data.corpus import AUDIO_SUFFIXES
from fad.data.tables import read_labels
from fad.evaluation.trials.columns import read_column, read_columns
from fad.evaluation.trials.keys import Key, read_key
from fad.evaluation.trials.score_files import ScoreFile
from fad.evaluation.trials.trials import Trials, make_trials
from fad.utils.errors import FadError, nearest

Table = Mapping[str, str]
Value = TypeVar("Value")
_SHOWN = 3


def join(
    found: ScoreFile,
    key: Key | None = None,
    tables: Mapping[str, str | Path] | None = None,
    phase: str | None = None,
) -> Trials:
    """Joins scores with a key and tables by utterance.

    Args:
        found: the scores; their own labels and columns are used if the key has none.
        key: the key; not needed if the scores have labels.
        tables: further columns by name, as files `utt value`; they override the key's.
        phase: the chosen phase. If the scores lack trials of the key, all trials of this phase
            suffice, and scores of other trials are not used.

    Raises:
        FadError: no file has labels, or two files have different ones; the scores lack trials or
            have extra ones; there is no such phase; as `read_table` and `make_trials`.
    """
    key = key or _own_key(found)
    tables = tables or {}
    further = {name: read_column(name, path) for name, path in tables.items()}
    columns = {**found.columns, **key.columns, **further}
    phases = columns.get("phase", {})
    if phase is not None:
        _check_phase(phase, phases, key.path)
    _check_labels(found, key)
    scores, labels = found.scores, key.labels
    if phase is not None and labels.keys() - scores.keys():
        others = {utt for utt in labels if phases.get(utt) != phase}
        scores, labels = _without(others, scores), _without(others, labels)
        columns = {name: _without(others, table) for name, table in columns.items()}
    _check_trials(found.path, scores, key.path, labels, phases)
    return make_trials(str(found.path), scores, labels, columns, {"labels": key.path, **tables})


def read_any_key(
    path: str | Path, chosen: Mapping[str, str] | None = None, bonafide: str | None = None
) -> Key:
    """Reads a key: a file, as `read_key` does, or the tables of a data directory."""
    if not Path(path).is_dir():
        return read_key(path, chosen, bonafide)
    return Key(Path(path), read_labels(Path(path) / "utt2label"), dict(read_columns(Path(path))))


def by_stem(found: ScoreFile, key: Key | None) -> tuple[ScoreFile, Key | None]:
    """Removes folders and audio endings from the names of utterances in the scores and in the key.

    Raises:
        FadError: two names of a file become equal.
    """
    stems = _stems(found.path, found.scores)
    scores = ScoreFile(
        found.path,
        {stems[utt]: score for utt, score in found.scores.items()},
        found.labels and _renamed(found.labels, stems),
        {name: _renamed(table, stems) for name, table in found.columns.items()},
    )
    if key is None:
        return scores, None
    stems = _stems(key.path, key.labels)
    columns = {name: _renamed(table, stems) for name, table in key.columns.items()}
    return scores, Key(key.path, _renamed(key.labels, stems), columns)


def _own_key(found: ScoreFile) -> Key:
    if found.labels is None:
        raise FadError(
            f"{found.path}: has no labels in it: give --key: the organisers' key, a table "
            "utt2label, or a data directory"
        )
    return Key(found.path, found.labels, found.columns)


def _check_labels(found: ScoreFile, key: Key) -> None:
    own = found.labels or {}
    differing = [utt for utt, label in own.items() if key.labels.get(utt, label) != label]
    if differing:
        utt = differing[0]
        raise FadError(
            f"{found.path}: {len(differing):,} of its labels are not those of {key.path}, such as "
            f"'{utt[:80]}', {own[utt]} here and {key.labels[utt]} there: one is wrong"
        )


def _check_phase(phase: str, phases: Table, path: Path) -> None:
    if not phases:
        raise FadError(f"{path}: has no phases: leave --phase out, or give a key that has them")
    known = set(phases.values())
    if phase not in known:
        raise FadError(f"{path}: no trial of the phase '{phase}': {nearest(phase, known)}")


def _without(utts: Collection[str], table: Mapping[str, Value]) -> dict[str, Value]:
    return {utt: value for utt, value in table.items() if utt not in utts}


def _check_trials(
    path: Path, scores: Collection[str], key: Path, trials: Collection[str], phases: Table
) -> None:
    """Checks that the scores have exactly these trials."""
    missing = [utt for utt in trials if utt not in scores]
    extra = [utt for utt in scores if utt not in trials]
    if not missing and not extra:
        return
    parts = [f"{path} has {len(scores):,} scores and {key} {len(trials):,} trials"]
    if missing:
        parts.append(f"trials without a score: {len(missing):,} ({_first_few(missing)})")
    if extra:
        parts.append(f"scores without a trial: {len(extra):,} ({_first_few(extra)})")
    raise FadError(f"{'; '.join(parts)}: {_remedy(missing, extra, trials, phases)}")


def _remedy(
    missing: Collection[str], extra: Collection[str], trials: Collection[str], phases: Table
) -> str:
    if extra and {_stem(utt) for utt in extra} & {_stem(utt) for utt in missing}:
        return "names with folders or endings on one side only? --stems compares without them"
    if extra and {utt.strip("\"'") for utt in extra} & set(missing):
        return "names in quotes on one side only: write them without"
    scored = {phases.get(utt) for utt in set(trials).difference(missing)}
    if not extra and len(scored) == 1 and not scored & {phases.get(utt) for utt in missing}:
        phase = scored.pop()
        return (
            f"the scores are exactly those of its phase '{phase}': ask for it with --phase {phase}"
        )
    if len(missing) == len(trials):
        return "no trial in common: is it the key of another set?"
    return "score each trial of the key, and no other: results of a part are not results of a set"


def _first_few(utts: Collection[str]) -> str:
    shown = ", ".join(utt[:80] for utt in sorted(utts)[:_SHOWN])
    return shown + (", ..." if len(utts) > _SHOWN else "")


def _stem(utt: str) -> str:
    """`b` of `a/b.flac`; a dot that is not followed by an audio ending stays."""
    name = utt.rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    return stem if stem and dot + ending.lower() in AUDIO_SUFFIXES else name


def _stems(path: Path, utts: Iterable[str]) -> dict[str, str]:
    stems = {utt: _stem(utt) for utt in utts}
    owners: dict[str, str] = {}
    for utt, stem in stems.items():
        if owners.setdefault(stem, utt) != utt:
            raise FadError(
                f"{path}: '{owners[stem][:80]}' and '{utt[:80]}' both become '{stem[:80]}': "
                "leave --stems out and write the names alike"
            )
    return stems


def _renamed(table: Table, names: Table) -> dict[str, str]:
    return {names[utt]: value for utt, value in table.items()}
