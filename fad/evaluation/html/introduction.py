"""The top of the page: what was measured, the lowest error rates, and warnings."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from fad.evaluation.results.one_class import one_class_sentence
from fad.evaluation.results.overview import eer_of
from fad.evaluation.results.same_trials import different_trials
from fad.evaluation.results.systems import System, set_names, spread
from fad.evaluation.results.tables import counted


def first_with(systems: Sequence[System], name: str) -> Mapping[str, Any]:
    """The results on a set of the first run that has them."""
    return next(
        run["test_sets"][name]
        for system in systems
        for run in system.runs
        if name in run["test_sets"]
    )


def _set_sentence(name: str, results: Mapping[str, Any]) -> str:
    """Numbers of a set: trials of both classes, attacks, unseen attacks."""
    text = f"{name} ({results['bonafide']:,} bona fide and {results['spoof']:,} spoofed trials"
    attacks = results.get("by", {}).get("attack", {}).get("groups", {})
    if attacks:
        unseen = sum(group.get("seen_in_training") is False for group in attacks.values())
        text += f" of {counted(len(attacks), 'attack')}"
        of_them = "all" if unseen == len(attacks) else f"{unseen} of them"
        text += f", {of_them} unseen in training" if unseen else ""
    return text + ")"


def introduction(systems: Sequence[System]) -> str:
    """Two sentences: what was measured, and the result."""
    names = set_names(systems)
    runs = sum(len(system.runs) for system in systems)
    who = f"{counted(len(systems), 'system')} ({counted(runs, 'training run')})"
    if len(systems) == 1:
        adaptation = systems[0].runs[0]["adaptation"]
        seeds = f", {counted(runs, 'training run')}" if runs > 1 else ""
        who = f"The system {systems[0].name} (adaptation {adaptation}{seeds})"
    sets = "; ".join(_set_sentence(name, first_with(systems, name)) for name in names)
    was = "was" if len(systems) == 1 else "were"
    which = "The" if len(systems) == 1 else "The lowest"
    mean = " mean" if runs > len(systems) else ""
    parts = [f"{who} {was} scored on {counted(len(names), 'test set')}: {sets}."]
    if outcome := _outcome(systems, names):
        parts.append(
            f"{which}{mean} equal error rate (EER; 0 % is perfect, 50 % is chance) is {outcome}."
        )
    return " ".join([*parts, *_of_one_class(systems, names)])


def _of_one_class(systems: Sequence[System], names: Sequence[str]) -> list[str]:
    """What is known of each run on sets that have trials of one class only."""
    return [
        f"{run['tag']} on {name}: {one_class_sentence(run['test_sets'][name])}"
        for name in names
        for system in systems
        for run in system.runs
        if "one_class" in run["test_sets"].get(name, {})
    ]


def _outcome(systems: Sequence[System], names: Sequence[str]) -> str:
    """The lowest mean EER on each set of both classes, and the systems that have it."""
    parts = []
    for name in names:
        means = {system.name: spread(system.values(eer_of(name))) for system in systems}
        found = {system: value.mean for system, value in means.items() if value}
        if not found:
            continue
        best = min(found.values())
        owners = [system for system in found if f"{found[system]:.2f}" == f"{best:.2f}"]
        whose = "" if len(systems) == 1 else f" ({', '.join(owners)})"
        parts.append(f"{best:.2f} % on {name}{whose}")
    return "; ".join(parts)


def warnings(systems: Sequence[System]) -> list[str]:
    """Everything that a reader must know before the numbers."""
    names = set_names(systems)
    found = []
    for system, name in product(systems, names):
        for run in system.runs:
            texts = run["test_sets"].get(name, {}).get("warnings", [])
            found += [f"{run['tag']} on {name}: {text}" for text in texts]
    found += different_trials(systems).values()
    old = [run["tag"] for system in systems for run in system.runs if not run.get("curves")]
    if old:
        found.append(
            f"no curves.json beside the results of {', '.join(old)}: the plots and the hardest "
            "trials leave these runs out; run stage 5 again"
        )
    return [text for text in found if text]
