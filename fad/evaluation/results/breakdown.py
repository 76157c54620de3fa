"""Results by columns of the trials: attack, codec, language, speaker, duration, ...

A column that describes only spoofs (`-` for every bona fide trial), such as the attack, compares
each value's spoofs with all bona fide trials, as is usual in the field. Any other column compares
the trials with the same value: bona fide speech through a codec with spoofs through the same codec.
A group with under `FEWEST` trials of a class has counts and no EER, and is not in the average.
Trials whose value is not known (`-`) are counted, but are no group.

The macro-average is the mean of the groups' EERs: every group has the same weight, however many
trials it has. The pooled EER gives every trial the same weight and has one threshold for all.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fad.evaluation.trials.trials import UNKNOWN, Trials

Results = dict[str, Any]
Measure = Callable[[Trials], Results]

FEWEST = 5
"""A group with fewer trials of a class has no EER: one trial would move it by over 20 points."""
NOT_GROUPS = ("phase",)
"""Columns that the results show elsewhere."""
MAX_GROUPS = 1000
"""A column with more values names trials, not groups, such as unknown speakers."""
MAX_INTERVALS = 50
"""A column with more groups has no intervals, which would take minutes."""
_NONE = np.empty(0, dtype=np.intp)


def breakdowns(trials: Trials, measure: Measure, measure_many: Measure) -> dict[str, Results]:
    """Computes results by each column that divides the trials.

    Args:
        trials: the trials of one phase.
        measure: returns the results of trials of both classes, with `eer_percent`.
        measure_many: the same without an interval, for speakers, since one speaker cannot be
            resampled, and for columns with more than `MAX_INTERVALS` groups.

    Returns:
        By column: `against` (the bona fide trials that a group's spoofs are compared with),
        `unknown` (trials without a value), `macro_eer_percent`, `groups` (results or counts by
        value, sorted).
    """
    found = {}
    for name in sorted(trials.columns, key=lambda name: (name != "attack", name)):
        if name in NOT_GROUPS:
            continue
        column = trials.columns[name]
        of_spoofs = bool(name == "attack" or (column[trials.is_bonafide] == UNKNOWN).all())
        members = _members(column, ~trials.is_bonafide if of_spoofs else None)
        unknown = members.pop(UNKNOWN, _NONE).size
        if not members or len(members) > MAX_GROUPS or (len(members) == 1 and name != "attack"):
            continue
        simple = name == "speaker" or len(members) > MAX_INTERVALS
        groups = {
            value: _measured(group, measure_many if simple else measure)
            for value, group in _groups(trials, members, of_spoofs)
        }
        rates = [part["eer_percent"] for part in groups.values() if part["eer_percent"] is not None]
        if rates or any(part["bonafide"] and part["spoof"] for part in groups.values()):
            found[name] = {
                "against": "all bona fide" if of_spoofs else "bona fide of the group",
                "unknown": unknown,
                "macro_eer_percent": float(np.mean(rates)) if rates else None,
                "groups": groups,
            }
    return found


def _members(column: np.ndarray, mask: np.ndarray | None) -> dict[str, np.ndarray]:
    """Indices of the trials with each value, by value, sorted; only trials of a mask (N,) bool.

    It sorts once, since a comparison for each value would take a million trials times a thousand
    speakers.
    """
    places = np.arange(column.size) if mask is None else np.flatnonzero(mask)
    values, codes, counts = np.unique(column[places], return_inverse=True, return_counts=True)
    places = places[np.argsort(codes, kind="stable")]
    return dict(zip(values.tolist(), np.split(places, np.cumsum(counts)[:-1]), strict=True))


def _groups(
    trials: Trials, members: dict[str, np.ndarray], of_spoofs: bool
) -> Iterator[tuple[str, Trials]]:
    """Each value and its trials, one value at a time: with all bona fide trials each is large."""
    bonafide = np.flatnonzero(trials.is_bonafide) if of_spoofs else _NONE
    for value, own in members.items():
        yield value, trials.subset(np.concatenate([bonafide, own]))


def _measured(group: Trials, measure: Measure, fewest: int | None = None) -> Results:
    fewest = FEWEST if fewest is None else fewest
    if min(group.bonafide.size, group.spoof.size) >= fewest:
        return measure(group)
    return {"bonafide": group.bonafide.size, "spoof": group.spoof.size, "eer_percent": None}


def by_phase(trials: Trials, measure: Measure) -> dict[str, Results]:
    """Results of each single phase; empty if phases are not known."""
    if "phase" not in trials.columns:
        return {}
    column = trials.columns["phase"]
    return {
        phase: _measured(trials.subset(column == phase), measure, fewest=1)
        for phase in np.unique(column).tolist()
    }
