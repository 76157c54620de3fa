"""The section of the trials to listen to: those that the systems find hardest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fad.evaluation.html.parts import Table, by_set
from fad.evaluation.html.paths import shown_path
from fad.evaluation.results.curves import HARDEST
from fad.evaluation.results.systems import Experiment, System, set_names

SHARED_HARDEST = 20
ERRORS = {"bonafide": "missed", "spoof": "false alarm"}
VERBS = {"bonafide": "missed", "spoof": "accepted"}
AUDIO = "audio"


def _properties(trial: Mapping[str, Any], kind: str, run: Experiment) -> list[str]:
    """Attack (only of a spoof), speaker and path."""
    attack = [trial["attack"] or "-"] if kind == "spoof" else []
    path = shown_path(trial["path"], run) if trial["path"] else "-"
    return [*attack, trial["speaker"] or "-", path]


def _header(kind: str, *values: str) -> list[str]:
    attack = ["attack"] if kind == "spoof" else []
    return ["utterance", *values, *attack, "speaker", AUDIO]


def _is_error(score: float, kind: str, threshold: float) -> bool:
    """Whether a trial is decided wrongly: a score above the threshold is accepted as bona fide."""
    return (score > threshold) == (kind == "spoof")


def _tables_of_run(run: Experiment, name: str) -> list[Table]:
    """Tables of one run: bona fide with the lowest and spoofs with the highest scores."""
    threshold = run["test_sets"][name]["eer_threshold"]
    which = {"bonafide": "Bona fide trials with the lowest", "spoof": "Spoofs with the highest"}
    tables = []
    for kind, trials in run["curves"][name]["hardest"].items():
        rows = [
            [
                trial["utt"],
                f"{trial['score']:.3f}",
                ERRORS[kind] if _is_error(trial["score"], kind, threshold) else "right",
                *_properties(trial, kind, run),
            ]
            for trial in trials
        ]
        caption = (
            f"{which[kind]} scores of {run['tag']} on {name}, and their decisions at the threshold "
            f"of the EER, {threshold:.3f}."
        )
        tables.append(Table(caption, _header(kind, "score", "at the EER"), rows, code={AUDIO}))
    return tables


def _shared_table(runs: Sequence[Experiment], name: str, kind: str) -> Table:
    """The trials that are in the lists of most runs."""
    first: dict[str, list[str]] = {}
    scores: dict[str, list[float]] = {}
    errors: Counter[str] = Counter()
    for run in runs:
        threshold = run["test_sets"][name]["eer_threshold"]
        for trial in run["curves"][name]["hardest"][kind]:
            utt, score = trial["utt"], trial["score"]
            first.setdefault(utt, _properties(trial, kind, run))
            scores.setdefault(utt, []).append(score)
            errors[utt] += _is_error(score, kind, threshold)
    order = sorted(scores, key=lambda utt: (-len(scores[utt]), utt))[:SHARED_HARDEST]
    rows = [
        [
            utt,
            f"{len(scores[utt])} of {len(runs)}",
            f"{errors[utt]} of these",
            f"{min(scores[utt]):.3f} to {max(scores[utt]):.3f}",
            *first[utt],
        ]
        for utt in order
    ]
    which = "Bona fide" if kind == "bonafide" else "Spoofed"
    caption = (
        f"{which} trials on {name} that are among the {HARDEST} hardest of most runs, in how many "
        f"of these runs a trial is {VERBS[kind]} at the threshold of the run's own EER, and its "
        "lowest and highest score there; systems may differ in the unit of their scores."
    )
    return Table(caption, _header(kind, "runs", ERRORS[kind], "scores"), rows, code={AUDIO})


def _set_part(systems: Sequence[System], name: str) -> dict[str, Any] | None:
    runs = [run for system in systems for run in system.runs if name in (run.get("curves") or {})]
    if not runs:
        return None
    if len(runs) == 1:
        return {"tables": _tables_of_run(runs[0], name), "folds": []}
    return {
        "tables": [_shared_table(runs, name, kind) for kind in ("bonafide", "spoof")],
        "folds": [
            (f"Hardest trials of {run['tag']} on {name}", _tables_of_run(run, name)) for run in runs
        ],
    }


def hardest_section(systems: Sequence[System]) -> dict[str, Any] | None:
    """The data of `hardest.html.j2` by set: `tables`, and `folds`, those of each single run."""
    names = set_names(systems)
    sets = by_set(names, [_set_part(systems, name) for name in names])
    return {"sets": sets} if sets else None
