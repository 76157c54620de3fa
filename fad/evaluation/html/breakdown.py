"""The page's sections with plots: attacks and other breakdowns, calibration, histograms."""

from collections.abc import Sequence
from typing import Any

from fad.evaluation.html.elements import (
    Html,
    details,
    element,
    figure,
    join,
    paragraph,
    section,
    table,
)
from fad.evaluation.plots.attacks import attack_order, attack_svg
from fad.evaluation.plots.calibration import calibration_svg
from fad.evaluation.plots.histograms import Scores, attack_histogram_svg, histogram_svg
from fad.evaluation.plots.style import data_uri
from fad.evaluation.results.overview import mean_text
from fad.evaluation.results.systems import Experiment, System, has_seeds, set_names
from fad.evaluation.results.tables import whole

MOST_OPEN = 12  # rows of a table that is not folded away
COLUMN_TITLES = {
    "lang": "language",
}


def set_curves_of(system: System, name: str) -> list[dict[str, Any]]:
    """A set's curves of those runs that have them."""
    found = [(run.get("curves") or {}).get(name) for run in system.runs]
    return [curves for curves in found if curves]


def _with_curves(systems: Sequence[System], name: str) -> dict[str, list[dict[str, Any]]]:
    found = {system.name: set_curves_of(system, name) for system in systems}
    return {system: curves for system, curves in found.items() if curves}


def _first_scores(systems: Sequence[System], name: str) -> dict[str, Scores]:
    """Histogram and threshold of each system's first run that has curves."""
    found = {}
    for system in systems:
        for run in system.runs:
            curves = (run.get("curves") or {}).get(name)
            if curves:
                threshold = run["test_sets"][name]["eer_threshold"]
                found.setdefault(system.name, Scores(curves["histogram"], threshold))
    return found


def by_set(names: Sequence[str], parts: Sequence[Html]) -> Html:
    """Parts under the names of their sets; no heading where there is one set alone."""
    pairs = [(name, part) for name, part in zip(names, parts, strict=True) if part]
    if len(names) == 1:
        return join(part for _, part in pairs)
    return join(join([element("h3", name), part]) for name, part in pairs)


def _groups(run: Experiment, name: str, column: str) -> dict[str, Any]:
    return run["test_sets"].get(name, {}).get("by", {}).get(column, {}).get("groups", {})


def _macro(name: str, column: str):
    def get(run: Experiment) -> float | None:
        found = run["test_sets"].get(name, {}).get("by", {}).get(column, {})
        return found.get("macro_eer_percent")

    return get


def _breakdown_table(systems: Sequence[System], name: str, column: str) -> Html:
    """A row a group: counts, and the EER of each system; the last row is their plain mean."""
    runs = [run for system in systems for run in system.runs]
    first: dict[str, Any] = {}
    for run in runs:
        for group, results in _groups(run, name, column).items():
            first.setdefault(group, results)
    order = attack_order([_groups(run, name, column) for run in runs])
    order += [group for group in first if group not in order]
    known = [first[group].get("seen_in_training") for group in order]
    marks = {True: "seen", False: "unseen", None: "-"}
    title = COLUMN_TITLES.get(column, column)
    header = [title, "in training", "bona fide", "spoof", *(system.name for system in systems)]
    rows = []
    for group, is_seen in zip(order, known, strict=True):
        counts = [whole(first[group].get(kind)) for kind in ("bonafide", "spoof")]
        eers = [
            mean_text(
                system.values(
                    lambda run, group=group: (
                        _groups(run, name, column).get(group, {}).get("eer_percent")
                    )
                )
            )
            for system in systems
        ]
        rows.append([group, marks[is_seen], *counts, *eers])
    macro = [mean_text(system.values(_macro(name, column))) for system in systems]
    if len(rows) > 1 and set(macro) != {"-"}:
        rows.append(["mean of the rows", "-", "-", "-", *macro])
    if not any(mark is not None for mark in known):
        header, rows = _without(header, 1), [_without(row, 1) for row in rows]
    against = {
        found["against"]
        for run in runs
        if (found := run["test_sets"].get(name, {}).get("by", {}).get(column))
    }
    mean = "mean ± deviation over the runs; " if has_seeds(systems) else ""
    caption = (
        f"EER in percent on {name} by {title}, against {' / '.join(sorted(against))}; {mean}"
        "- where a class has no trial."
    )
    return join([table(caption, header, rows), _unknown_note(runs, name, column)])


def _unknown_note(runs: Sequence[Experiment], name: str, column: str) -> Html:
    """How many trials are in no row; nothing where that is none, or not known."""
    found = (run["test_sets"].get(name, {}).get("by", {}).get(column, {}) for run in runs)
    unknown = max(part.get("unknown", 0) for part in found)
    if not unknown:
        return Html("")
    title = COLUMN_TITLES.get(column, column)
    return paragraph(f"Not in these rows: {whole(unknown)} trials whose {title} is not known.")


def _breakdown(systems: Sequence[System], name: str, column: str) -> Html:
    """The table, folded away where it is long and no attack's."""
    found = _breakdown_table(systems, name, column)
    groups = {
        group for system in systems for run in system.runs for group in _groups(run, name, column)
    }
    if column == "attack" or len(groups) <= MOST_OPEN:
        return found
    title = COLUMN_TITLES.get(column, column)
    return details(f"EER on {name} by {title}: {len(groups)} groups", found)


def _without(cells: Sequence[str], place: int) -> list[str]:
    return [*cells[:place], *cells[place + 1 :]]


def _attack_figure(systems: Sequence[System], name: str) -> Html:
    runs = {
        system.name: [found for run in system.runs if (found := _groups(run, name, "attack"))]
        for system in systems
    }
    if not any(attack_order(found) for found in runs.values()):
        return Html("")
    alt = f"EER by attack on {name} with 95 % intervals; the values are in the table below"
    caption = f"EER by attack on {name}, as written, with its 95 % bootstrap interval."
    if has_seeds(systems):
        caption = (
            f"EER by attack on {name}. Bars: mean over the runs, as written. Dots and lines: each "
            "run with its 95 % bootstrap interval."
        )
    kind = "wide" if sum(map(bool, runs.values())) > 1 else ""
    return figure(data_uri(attack_svg(runs)), alt, caption, kind)


def breakdown_section(systems: Sequence[System]) -> Html:
    """EER by attack, as plot and table, and by whatever else the sets' tables say."""
    names = set_names(systems)
    parts = []
    for name in names:
        scored = [
            system for system in systems if any(name in run["test_sets"] for run in system.runs)
        ]
        columns = dict.fromkeys(
            column
            for system in scored
            for run in system.runs
            for column in run["test_sets"].get(name, {}).get("by", {})
            if _groups(run, name, column)
        )
        tables = [_breakdown(scored, name, column) for column in columns]
        parts.append(join([_attack_figure(systems, name), *tables]))
    return section("breakdown", "By attack and other properties", by_set(names, parts))


def calibration_part(systems: Sequence[System], name: str) -> Html:
    """Bayes error-rate curves of each system's first run that has them."""
    found = {system: runs[0]["bayes"] for system, runs in _with_curves(systems, name).items()}
    if not found:
        return Html("")
    alt = f"Actual and minimum normalised DCF on {name} over the prior log odds of bona fide"
    caption = (
        f"Calibration on {name}: the cost of deciding at the Bayes threshold for a prior (actual) "
        "against the best possible threshold (minimum); the closer, the better the scores are as "
        "log-likelihood ratios. Over 1 is worse than not listening, and cut at 1.3. The vertical "
        f"line is ASVspoof 5's prior and costs.{_which_run(systems)}"
    )
    kind = "wide" if len(found) > 1 else ""
    return figure(data_uri(calibration_svg(found)), alt, caption, kind)


def _which_run(systems: Sequence[System]) -> str:
    """What a caption adds to a plot of one run a system, where the tables are of several."""
    if not has_seeds(systems):
        return ""
    return " This plot is of each system's first run alone; the tables show means over the runs."


def histogram_section(systems: Sequence[System]) -> Html:
    """Scores of both classes, and for one system alone also of each attack."""
    names = set_names(systems)
    parts = []
    for name in names:
        found = _first_scores(systems, name)
        if not found:
            parts.append(Html(""))
            continue
        alt = f"Histograms of the scores of bona fide and spoofed trials on {name}"
        caption = (
            f"Scores on {name}, in percent of each class. The outermost bins also hold what lies "
            f"beyond them.{_which_run(systems)}"
        )
        kind = "wide" if len(found) > 1 else ""
        images = [figure(data_uri(histogram_svg(found)), alt, caption, kind)]
        [scores, *others] = found.values()
        order = list(scores.histogram["attacks"])
        if not others and len(order) > 1:
            image = attack_histogram_svg(scores, order)
            alt = f"Scores of bona fide speech and of each attack on {name}"
            caption = (
                f"Scores on {name} by attack, each row to its own height.{_which_run(systems)}"
            )
            images.append(figure(data_uri(image), alt, caption))
        parts.append(element("div", *images, class_="grid") if not others else images[0])
    return section("scores", "Scores", by_set(names, parts))
