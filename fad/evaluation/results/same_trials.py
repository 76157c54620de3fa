"""Systems whose numbers stand in one column, and are of other trials."""

import hashlib
from collections.abc import Sequence

from fad.evaluation.results.systems import System, set_names
from fad.evaluation.trials.trials import Trials


def trials_sha256(trials: Trials) -> str:
    """The sha256 of the utterances and their classes."""
    digest = hashlib.sha256()
    for utt, is_bonafide in zip(trials.utts, trials.is_bonafide.tolist(), strict=True):
        digest.update(f"{utt} {int(is_bonafide)}\n".encode())
    return digest.hexdigest()


def different_trials(systems: Sequence[System]) -> dict[str, str]:
    """By set, a warning for each set that not all runs were scored on the same trials of.

    Runs of an older version have no sha256 of their trials; they are compared by the counts.
    """
    return {name: text for name in set_names(systems) if (text := _of_set(systems, name))}


def _of_set(systems: Sequence[System], name: str) -> str:
    tags: dict[tuple[int, int, str], list[str]] = {}
    for run in (run for system in systems for run in system.runs if name in run["test_sets"]):
        found = run["test_sets"][name]
        counts = (found.get("bonafide", 0), found.get("spoof", 0))
        tags.setdefault((*counts, found.get("trials_sha256", "")), []).append(run["tag"])
    known = {key for key in tags if key[2]}
    if len({key[:2] for key in tags}) < 2 and len(known) < 2:
        return ""
    parts = [
        f"{bonafide:,} + {spoof:,} for {', '.join(owners)}"
        for (bonafide, spoof, _), owners in tags.items()
    ]
    return f"{name}: not the same trials in all runs (bona fide + spoof: {'; '.join(parts)})"
