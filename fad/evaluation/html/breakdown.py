"""The section of error rates by attack and by other properties of the trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fad.evaluation.html.parts import Figure, Table, by_set
from fad.evaluation.plots.attacks import attack_order, attack_svg
from fad.evaluation.results.overview import mean_text
from fad.evaluation.results.systems import Experiment, System, has_seeds, set_names
from fad.evaluation.results.tables import whole

MOST_OPEN = 12  # rows of a table that is not folded away
COLUMN_TITLES = {"lang": "language"}
SEEN_MARKS = {True: "seen", False: "unseen", None: "-"}


@dataclass(frozen=True)
class Breakdown:
    """EER by the values of one column.

    Attributes:
        table: a row for each value.
        note: how many trials are in no row; empty where that is 0 or unknown.
        fold: the line to click on where the table is folded away; empty where it is not.
    """

    table: Table
    note: str
    fold: str


def _breakdowns(run: Experiment, name: str) -> dict[str, Any]:
    """What results.json has on a set, by column."""
    return run["test_sets"].get(name, {}).get("by", {})


def _groups(run: Experiment, name: str, column: str) -> dict[str, Any]:
    return _breakdowns(run, name).get(column, {}).get("groups", {})


def _first_groups(runs: Sequence[Experiment], name: str, column: str) -> dict[str, Any]:
    """Each group of the first run that has it: first those with an EER, as in the plot."""
    first: dict[str, Any] = {}
    for run in runs:
        for group, results in _groups(run, name, column).items():
            first.setdefault(group, results)
    order = attack_order([_groups(run, name, column) for run in runs])
    return {group: first[group] for group in dict.fromkeys([*order, *first])}


def _rate_text(system: System, name: str, column: str, group: str, key: str) -> str:
    return mean_text(system.values(lambda run: _groups(run, name, column).get(group, {}).get(key)))


def _macro_text(system: System, name: str, column: str) -> str:
    return mean_text(
        system.values(lambda run: _breakdowns(run, name).get(column, {}).get("macro_eer_percent"))
    )


def _table(systems: Sequence[System], name: str, column: str) -> Table:
    """A row for each group: counts, and the EER of each system; the last row is their mean.

    Of a set of one class it has the share of right decisions, and no mean.
    """
    runs = [run for system in systems for run in system.runs]
    groups = _first_groups(runs, name, column)
    is_one_class = any("one_class" in run["test_sets"].get(name, {}) for run in runs)
    key, rate = ("right_percent", "Right decisions") if is_one_class else ("eer_percent", "EER")
    title = COLUMN_TITLES.get(column, column)
    header = [title, "in training", "bona fide", "spoof", *(system.name for system in systems)]
    rows = [
        [
            group,
            SEEN_MARKS[results.get("seen_in_training")],
            *(whole(results.get(kind)) for kind in ("bonafide", "spoof")),
            *(_rate_text(system, name, column, group, key) for system in systems),
        ]
        for group, results in groups.items()
    ]
    macro = [_macro_text(system, name, column) for system in systems]
    if len(rows) > 1 and set(macro) != {"-"}:
        rows.append(["mean of the rows", "-", "-", "-", *macro])
    if all(results.get("seen_in_training") is None for results in groups.values()):
        header, rows = _without(header, 1), [_without(row, 1) for row in rows]
    against = {found["against"] for run in runs if (found := _breakdowns(run, name).get(column))}
    mean = "mean ± deviation over the runs; " if has_seeds(systems) else ""
    caption = (
        f"{rate} in percent on {name} by {title}, against {' / '.join(sorted(against))}; {mean}"
        f"- where {'there is no threshold' if is_one_class else 'a class has no trial'}."
    )
    return Table(caption, header, rows)


def _without(cells: Sequence[str], place: int) -> list[str]:
    return [*cells[:place], *cells[place + 1 :]]


def _unknown_note(runs: Sequence[Experiment], name: str, column: str) -> str:
    unknown = max(_breakdowns(run, name).get(column, {}).get("unknown", 0) for run in runs)
    if not unknown:
        return ""
    title = COLUMN_TITLES.get(column, column)
    return f"Not in these rows: {whole(unknown)} trials whose {title} is not known."


def _breakdown(systems: Sequence[System], name: str, column: str) -> Breakdown:
    """The table; a long one is folded away, unless it is by attack."""
    runs = [run for system in systems for run in system.runs]
    number = len(_first_groups(runs, name, column))
    fold = ""
    if column != "attack" and number > MOST_OPEN:
        fold = f"EER on {name} by {COLUMN_TITLES.get(column, column)}: {number} groups"
    return Breakdown(_table(systems, name, column), _unknown_note(runs, name, column), fold)


def _attack_figure(systems: Sequence[System], name: str) -> Figure | None:
    runs = {
        system.name: [found for run in system.runs if (found := _groups(run, name, "attack"))]
        for system in systems
    }
    if not any(attack_order(found) for found in runs.values()):
        return None
    alt = f"EER by attack on {name} with 95 % intervals; the values are in the table"
    caption = f"EER by attack on {name}, as written, with its 95 % bootstrap interval."
    if has_seeds(systems):
        caption = (
            f"EER by attack on {name}. Bars: mean over the runs, as written. Dots and lines: each "
            "run with its 95 % bootstrap interval."
        )
    return Figure(attack_svg(runs), alt, caption, is_wide=sum(map(bool, runs.values())) > 1)


def _set_part(systems: Sequence[System], name: str) -> dict[str, Any] | None:
    """The figure by attack and a breakdown for each column; None where there is no column."""
    scored = [system for system in systems if any(name in run["test_sets"] for run in system.runs)]
    columns = dict.fromkeys(
        column
        for system in scored
        for run in system.runs
        for column in _breakdowns(run, name)
        if _groups(run, name, column)
    )
    if not columns:
        return None
    return {
        "figure": _attack_figure(systems, name),
        "breakdowns": [_breakdown(scored, name, column) for column in columns],
    }


def breakdown_section(systems: Sequence[System]) -> dict[str, Any] | None:
    """The data of `breakdown.html.j2`: `figure` and `breakdowns` by set."""
    names = set_names(systems)
    sets = by_set(names, [_set_part(systems, name) for name in names])
    return {"sets": sets} if sets else None
