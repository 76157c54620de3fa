"""The page's sections of tables: trials and phases, costs, hardest trials."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fad.evaluation.html.breakdown import by_set, calibration_part
from fad.evaluation.html.elements import Html, details, element, join, paragraph, section, table
from fad.evaluation.html.paths import shown_path
from fad.evaluation.html.summary import first_with
from fad.evaluation.results.curves import HARDEST
from fad.evaluation.results.overview import mean_text
from fad.evaluation.results.systems import Experiment, System, has_seeds, set_names
from fad.evaluation.results.tables import COSTS, asv_sentence, whole

CALIBRATED = {"act_dcf": "actDCF, calibrated", "cllr_bits": "Cllr (bits), calibrated"}
DECISIONS = {
    "accuracy": "accuracy %",
    "balanced_accuracy": "balanced accuracy %",
    "f1": "F1 of spoofs %",
    "p_miss": "miss rate %",
    "p_fa": "false alarm rate %",
}
SHARED_HARDEST = 20
WRONG = {"bonafide": "missed", "spoof": "accepted"}
ERRORS = {"bonafide": "missed", "spoof": "false alarm"}

Getter = Callable[[Experiment], float | None]
"""What finds a value in a run's results."""
Cell = Callable[[System], str]
"""What writes a value of a system in a table."""


def _count_rows(systems: Sequence[System], name: str) -> list[list[str]]:
    """A set's trials; with phases a row each, the one that counts is marked."""
    found = first_with(systems, name)

    def eers(get: Getter) -> list[str]:
        return [mean_text(system.values(get)) for system in systems]

    skipped = whole(found.get("skipped_clips", 0))
    if "phases" not in found:
        counts = [whole(found["bonafide"]), whole(found["spoof"]), skipped]
        return [[name, "-", *counts, *eers(lambda run: _phase_eer(run, name, None))]]
    rows = []
    for phase, part in found["phases"].items():
        mark = f"{phase} (results are of this)" if phase == found["phase"] else phase
        counts = [whole(part["bonafide"]), whole(part["spoof"]), skipped]
        rows.append([name, mark, *counts, *eers(lambda run, at=phase: _phase_eer(run, name, at))])
    return rows


def _phase_eer(run: Experiment, name: str, phase: str | None) -> float | None:
    found = run["test_sets"].get(name, {})
    if phase is not None:
        found = found.get("phases", {}).get(phase, {})
    return found.get("eer_percent")


def counts_section(systems: Sequence[System]) -> Html:
    """Trials of each set and phase, and what training saw."""
    header = ["set", "phase", "bona fide", "spoof", "unread", *(found.name for found in systems)]
    rows = [row for name in set_names(systems) for row in _count_rows(systems, name)]
    caption = (
        "Trials by test set and phase, clips that could not be read and are left out, and the EER "
        "in percent of each system there."
    )
    return section("trials", "Trials and phases", table(caption, header, rows), _trained(systems))


def _trained(systems: Sequence[System]) -> Html:
    """Clips, speakers and attacks of the training data."""
    rows = []
    for system in systems:
        data = system.runs[0].get("training_data")
        if data:
            counts = [whole(data[key]) for key in ("bonafide", "spoof", "speakers")]
            rows.append([system.name, *counts, ", ".join(data["attacks"])])
    header = ["system", "bona fide", "spoof", "speakers", "attacks"]
    return table("What each system was trained on.", header, rows) if rows else Html("")


def _getters(name: str, part: str, titles: Mapping[str, str]) -> dict[str, Getter]:
    """What gives a value of a set's results, or of the `part` of these, by its title."""

    def getter(key: str) -> Getter:
        def get(run: Experiment) -> float | None:
            found = run["test_sets"].get(name, {})
            for step in part.split():
                found = found.get(step) or {}
            return found.get(key)

        return get

    return {title.removesuffix(" *"): getter(key) for key, title in titles.items()}


def _value_table(systems: Sequence[System], caption: str, cells: Mapping[str, Cell]) -> Html:
    """A row a system, a column for each value that some run has; nothing where none has any."""
    columns = {title: [cell(system) for system in systems] for title, cell in cells.items()}
    columns = {title: texts for title, texts in columns.items() if set(texts) != {"-"}}
    rows = [
        [system.name, *values]
        for system, *values in zip(systems, *columns.values(), strict=True)
        if set(values) - {"-"}
    ]
    return table(caption, ["system", *columns], rows) if rows else Html("")


def _decision_cells(name: str, part: str) -> dict[str, Cell]:
    """Threshold, and rates in percent; a threshold that all runs share has no deviation."""

    def threshold(system: System) -> str:
        values = system.values(at["threshold"])
        return mean_text(values[:1] if len(set(values)) == 1 else values, 4)

    def percent(get: Getter) -> Cell:
        return lambda system: mean_text([100 * value for value in system.values(get)])

    at = _getters(name, part, {"threshold": "threshold"})
    rates = _getters(name, part, DECISIONS)
    return {"threshold": threshold} | {title: percent(get) for title, get in rates.items()}


def _cost_tables(systems: Sequence[System], name: str) -> Html:
    """Costs before and after calibration, and decisions at a threshold where there is one."""
    getters = _getters(name, "", COSTS) | _getters(name, "calibrated", CALIBRATED)
    costs = {
        title: lambda system, get=get: mean_text(system.values(get), 4)
        for title, get in getters.items()
    }
    mean = "; mean ± deviation over the runs" if has_seeds(systems) else ""
    caption = (
        f"Costs on {name}, over all attacks{mean}. minDCF and actDCF: "
        "P_spoof 0.05, C_miss 1, C_fa 10. actDCF and Cllr take the scores for log-likelihood "
        "ratios: see the calibration."
    )
    at_threshold = _decision_cells(name, "decisions")
    calibrated = _decision_cells(name, "calibrated decisions")
    about = f"Decisions on {name} with raw scores, at a threshold that was chosen on other data."
    about_calibrated = (
        f"Decisions on {name} with calibrated scores, at the Bayes threshold of P_spoof 0.05, "
        "C_miss 1, C_fa 10."
    )
    return join(
        [
            _value_table(systems, caption, costs),
            _value_table(systems, about, at_threshold),
            _value_table(systems, about_calibrated, calibrated),
        ]
    )


def costs_section(systems: Sequence[System]) -> Html:
    """Detection costs, information and decisions; then calibration."""
    names = set_names(systems)
    parts = []
    for name in names:
        asv = asv_sentence(first_with(systems, name))
        tables = _cost_tables(systems, name)
        parts.append(join([tables, paragraph(asv) if asv else "", calibration_part(systems, name)]))
    return section("costs", "Costs and calibration", by_set(names, parts))


def _properties(trial: Mapping[str, Any], kind: str, run: Experiment) -> list[str]:
    """Attack, of a spoof alone, speaker and path."""
    attack = [trial["attack"] or "-"] if kind == "spoof" else []
    path = shown_path(trial["path"], run) if trial["path"] else "-"
    return [*attack, trial["speaker"] or "-", element("code", path)]


def _header(kind: str, *values: str) -> list[str]:
    attack = ["attack"] if kind == "spoof" else []
    return ["utterance", *values, *attack, "speaker", "audio"]


def _is_error(score: float, kind: str, threshold: float) -> bool:
    """Whether a trial is decided wrongly: what is above the threshold is accepted as bona fide."""
    return (score > threshold) == (kind == "spoof")


def _hardest_of(run: Experiment, name: str) -> Html:
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
            f"{which[kind]} scores of {run['tag']} on {name}, and what is decided of them at the "
            f"threshold of the EER, {threshold:.3f}."
        )
        tables.append(table(caption, _header(kind, "score", "at the EER"), rows))
    return join(tables)


def _shared_table(runs: Sequence[Experiment], name: str, kind: str) -> Html:
    """The trials that stand in the lists of most runs."""
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
        f"of these a trial is {WRONG[kind]} at the threshold of the run's own EER, and its lowest "
        "and highest score there; systems may differ in the unit of their scores."
    )
    return table(caption, _header(kind, "runs", ERRORS[kind], "scores"), rows)


def hardest_section(systems: Sequence[System]) -> Html:
    """The trials to listen to: those of one run, or those that most runs find hard."""
    names = set_names(systems)
    parts = []
    for name in names:
        runs = [
            run for system in systems for run in system.runs if name in (run.get("curves") or {})
        ]
        if len(runs) < 2:
            parts.append(join(_hardest_of(run, name) for run in runs))
            continue
        shared = [_shared_table(runs, name, kind) for kind in ("bonafide", "spoof")]
        single = [
            details(f"Hardest trials of {run['tag']} on {name}", _hardest_of(run, name))
            for run in runs
        ]
        parts.append(join([*shared, *single]))
    return section("hardest", "Hardest trials", by_set(names, parts))
