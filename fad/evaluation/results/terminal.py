"""The results of one set as text for the terminal."""

from collections.abc import Mapping
from typing import Any

from fad.evaluation.results import tables as summary
from fad.evaluation.results.attack_names import set_with_short_attacks
from fad.evaluation.results.evaluate import CALIBRATION_NOTE
from fad.evaluation.results.one_class import one_class_sentence
from fad.evaluation.results.text import terminal_table

Results = Mapping[str, Any]

DIGITS = 6  # as many as the organisers' programs print, or more
MANY, WORST = 40, 10  # of more groups than the first, only so many are shown, the worst ones


def set_text(name: str, results: Results) -> str:
    """All tables of a set's results, with six digits.

    Args:
        name: of the score file.
        results: as `fad.evaluation.results.evaluate.evaluate` gives them.
    """
    results = set_with_short_attacks(results)
    tables = {
        "phases": summary.phase_table,
        "eer_percent": summary.error_table,
        "decisions": summary.decision_table,
    }
    if "one_class" in results:
        body = [one_class_sentence(results)]
        tables.pop("eer_percent")
    else:
        costs = terminal_table(*summary.cost_table(results, DIGITS))
        body = [f"{costs}\n* {CALIBRATION_NOTE}", summary.asv_sentence(results)]
    parts = [
        _heading(name, results),
        *(
            terminal_table(*table(results, DIGITS))
            for key, table in tables.items()
            if key in results
        ),
        *body,
        *(_groups(results, by) for by in results["by"]),
    ]
    return "\n\n".join(part for part in parts if part)


def _heading(name: str, results: Results) -> str:
    notes = ["higher score = bona fide"]
    if "phase" in results:
        notes.append(f"results of the phase {results['phase']}")
    if "eer_interval" in results:
        draws = results["eer_interval"]["resamples"]
        notes.append(f"interval: {draws} bootstrap resamples, expanded percentile")
    return f"{name} ({'; '.join(notes)})"


def _groups(results: Results, by: str) -> str:
    """A column's table; if it has many groups, only those with the highest EER."""
    found = results["by"][by]
    groups = found["groups"]
    if len(groups) <= MANY:
        return terminal_table(*summary.group_table(results, by, DIGITS))
    if "one_class" in results:
        return f"{len(groups):,} groups by {by}: --json has them all."
    rated = [value for value, part in groups.items() if part["eer_percent"] is not None]
    worst = sorted(rated, key=lambda value: -groups[value]["eer_percent"])[:WORST]
    shown = found | {"groups": {value: groups[value] for value in worst}}
    table = terminal_table(*summary.group_table({"by": {by: shown}}, by, DIGITS))
    return (
        f"{table}\nThe {len(worst)} with the highest EER; {len(groups):,} there are, "
        f"{len(rated):,} with trials of both classes: --json has them all."
    )
