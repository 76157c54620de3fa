"""Attacks as they are shown: without their corpus, where the name is unique on a page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fad.data.attacks import short_attacks

Results = Mapping[str, Any]
Names = Mapping[str, str]
"""What to show, by the name in results.json."""


def with_short_attacks(experiments: Sequence[Results]) -> list[dict[str, Any]]:
    """Experiments for one page: results.json of each, and its `curves` where it has any."""
    names = short_attacks(attack for found in experiments for attack in _attacks(found))
    return [_renamed(found, names) for found in experiments]


def set_with_short_attacks(results: Results) -> dict[str, Any]:
    """The results of one set, for one page."""
    return _renamed_set(results, short_attacks(_groups(results)))


def _attacks(experiment: Results) -> Iterator[str]:
    yield from (experiment.get("training_data") or {}).get("attacks", [])
    for results in experiment["test_sets"].values():
        yield from _groups(results)
    for curves in (experiment.get("curves") or {}).values():
        yield from curves["histogram"]["attacks"]
        yield from (trial["attack"] for trial in curves["hardest"]["spoof"] if trial["attack"])


def _groups(results: Results) -> Mapping[str, Results]:
    return results["by"].get("attack", {}).get("groups", {})


def _renamed(experiment: Results, names: Names) -> dict[str, Any]:
    sets = experiment["test_sets"]
    found = {**experiment, "test_sets": {key: _renamed_set(sets[key], names) for key in sets}}
    if data := experiment.get("training_data"):
        found["training_data"] = {**data, "attacks": [names[attack] for attack in data["attacks"]]}
    if curves := experiment.get("curves"):
        found["curves"] = {key: _renamed_curves(curves[key], names) for key in curves}
    return found


def _renamed_set(results: Results, names: Names) -> dict[str, Any]:
    if "attack" not in results["by"]:
        return dict(results)
    groups = {names[attack]: part for attack, part in _groups(results).items()}
    by_attack = {**results["by"]["attack"], "groups": groups}
    return {**results, "by": {**results["by"], "attack": by_attack}}


def _renamed_curves(curves: Results, names: Names) -> dict[str, Any]:
    by_attack = {names[attack]: counts for attack, counts in curves["histogram"]["attacks"].items()}
    hardest = [
        {**trial, "attack": names.get(trial["attack"])} for trial in curves["hardest"]["spoof"]
    ]
    return {
        **curves,
        "histogram": {**curves["histogram"], "attacks": by_attack},
        "hardest": {**curves["hardest"], "spoof": hardest},
    }
