"""Results by what is known of the trials: attack, codec, language, speaker, length, ...

A column that describes spoofs alone (it says `-` of every bona fide trial), as the attack does, is
measured by each of its values' spoofs against all bona fide trials, as the field does. Any other
column is measured among the trials that have the value: bona fide speech through a codec against
spoofs through the same codec. A group without trials of both classes has counts and no EER.

The macro-average is the plain mean of the groups' EERs: each group counts the same, however many
trials it has; the pooled EER counts each trial the same and finds one threshold for all.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from fad.data.tables import NO_ATTACK
from fad.scores.trials import Trials

Results = dict[str, Any]
Measure = Callable[[Trials], Results]

NOT_GROUPS = ("phase",)
"""Columns with a place of their own in the results."""
MAX_GROUPS = 1000
"""A column of more values is a name of the trial and not a group, such as an unknown speaker."""


def breakdowns(trials: Trials, measure: Measure, measure_one: Measure) -> dict[str, Results]:
    """Results by each column that divides the trials.

    Args:
        trials: the trials of one phase.
        measure: gives the results of trials of both classes, with `eer_percent`.
        measure_one: the same for the trials of one speaker: no interval over speakers is there.

    Returns:
        By column: `against` (what a group's spoofs are measured against), `macro_eer_percent`
        (None where no group has an EER), `groups`: results or counts by value, sorted.
    """
    found = {}
    for name in sorted(trials.columns, key=lambda name: (name != "attack", name)):
        if name not in NOT_GROUPS:
            how = measure_one if name == "speaker" else measure
            found |= _breakdown(name, trials, how)
    return found


def _breakdown(name: str, trials: Trials, measure: Measure) -> dict[str, Results]:
    """One column's results by its name; nothing where it does not divide the trials."""
    column = trials.columns[name]
    of_spoofs = bool(name == "attack" or (column[trials.is_bonafide] == NO_ATTACK).all())
    members = _members(column, ~trials.is_bonafide if of_spoofs else np.ones_like(column, bool))
    if of_spoofs:
        members.pop(NO_ATTACK, None)
        bonafide = np.flatnonzero(trials.is_bonafide)
        members = {value: np.concatenate([bonafide, own]) for value, own in members.items()}
    if not members or len(members) > MAX_GROUPS or (len(members) == 1 and name != "attack"):
        return {}
    groups = {value: _measured(trials.subset(own), measure) for value, own in members.items()}
    rates = [part["eer_percent"] for part in groups.values() if part["eer_percent"] is not None]
    if not rates:
        return {}
    return {
        name: {
            "against": "all bona fide" if of_spoofs else "bona fide of the group",
            "macro_eer_percent": float(np.mean(rates)),
            "groups": groups,
        }
    }


def _members(column: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
    """By value, sorted: the indices of the trials of a mask (N,) bool that have it.

    Sorted once, since a comparison a value takes a million trials times a thousand speakers.
    """
    places = np.flatnonzero(mask)
    values, codes, counts = np.unique(column[places], return_inverse=True, return_counts=True)
    places = places[np.argsort(codes, kind="stable")]
    return dict(zip(values.tolist(), np.split(places, np.cumsum(counts)[:-1]), strict=True))


def _measured(group: Trials, measure: Measure) -> Results:
    if group.bonafide.size and group.spoof.size:
        return measure(group)
    return {"bonafide": group.bonafide.size, "spoof": group.spoof.size, "eer_percent": None}


def by_phase(trials: Trials, measure: Measure) -> dict[str, Results]:
    """Results of each phase by itself; nothing where phases are not known."""
    if "phase" not in trials.columns:
        return {}
    column = trials.columns["phase"]
    return {
        phase: _measured(trials.subset(column == phase), measure)
        for phase in np.unique(column).tolist()
    }
