"""The top of the page: what was measured, warnings, the table of all systems, EER against cost."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from statistics import fmean
from typing import Any

from fad.evaluation.html.elements import Html, element, figure, join, paragraph, section, table
from fad.evaluation.plots.cost import CostPoint, cost_svg
from fad.evaluation.plots.style import data_uri
from fad.evaluation.results.overview import eer_of, mean_text
from fad.evaluation.results.systems import Experiment, System, has_seeds, set_names, spread
from fad.evaluation.results.tables import decimal, whole

NO_ERROR = "†"


def macro_eer(names: Sequence[str]) -> Callable[[Experiment], float | None]:
    """What gives a run's mean EER over sets, each counted once; None where it lacks one."""

    def get(run: Experiment) -> float | None:
        found = [eer_of(name)(run) for name in names]
        return None if None in found else sum(found) / len(found)

    return get


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _set_sentence(name: str, results: Mapping[str, Any]) -> str:
    """Counts of a set: trials of both classes, attacks, unseen ones."""
    text = f"{name} ({results['bonafide']:,} bona fide and {results['spoof']:,} spoofed trials"
    attacks = results.get("by", {}).get("attack", {}).get("groups", {})
    if attacks:
        unseen = sum(group.get("seen_in_training") is False for group in attacks.values())
        text += f" of {_count(len(attacks), 'attack')}"
        of_them = "all" if unseen == len(attacks) else f"{unseen} of them"
        text += f", {of_them} unseen in training" if unseen else ""
    return text + ")"


def first_with(systems: Sequence[System], name: str) -> Mapping[str, Any]:
    """A set's results in the first run that has it."""
    return next(
        run["test_sets"][name]
        for system in systems
        for run in system.runs
        if name in run["test_sets"]
    )


def introduction(systems: Sequence[System]) -> Html:
    """Two sentences: what was measured, and what came out."""
    names = set_names(systems)
    runs = sum(len(system.runs) for system in systems)
    who = f"{_count(len(systems), 'system')} ({_count(runs, 'training run')})"
    if len(systems) == 1:
        adaptation = systems[0].runs[0]["adaptation"]
        seeds = f", {_count(runs, 'training run')}" if runs > 1 else ""
        who = f"The system {systems[0].name} (adaptation {adaptation}{seeds})"
    sets = "; ".join(_set_sentence(name, first_with(systems, name)) for name in names)
    was = "was" if len(systems) == 1 else "were"
    which = "The" if len(systems) == 1 else "The lowest"
    mean = " mean" if runs > len(systems) else ""
    return paragraph(
        f"{who} {was} scored on {_count(len(names), 'test set')}: {sets}. {which}{mean} equal "
        f"error rate (EER; 0 % is perfect, 50 % is chance) is {_outcome(systems, names)}."
    )


def _outcome(systems: Sequence[System], names: Sequence[str]) -> str:
    """The lowest mean EER of each set, and whose it is."""
    parts = []
    for name in names:
        means = {system.name: spread(system.values(eer_of(name))) for system in systems}
        found = {system: value.mean for system, value in means.items() if value}
        best = min(found.values())
        owners = [system for system in found if f"{found[system]:.2f}" == f"{best:.2f}"]
        whose = "" if len(systems) == 1 else f" ({', '.join(owners)})"
        parts.append(f"{best:.2f} % on {name}{whose}")
    return "; ".join(parts)


def warnings(systems: Sequence[System]) -> Html:
    """Everything that a reader must know before the numbers; nothing where there is nothing."""
    found = []
    for system, name in product(systems, set_names(systems)):
        for run in system.runs:
            texts = run["test_sets"].get(name, {}).get("warnings", [])
            found += [f"{run['tag']} on {name}: {text}" for text in texts]
    found += [_other_trials(systems, name) for name in set_names(systems)]
    old = [run["tag"] for system in systems for run in system.runs if not run.get("curves")]
    if old:
        found.append(
            f"no curves.json beside the results of {', '.join(old)}: these are missing in the "
            "plots and among the hardest trials; run stage 5 again"
        )
    found = [text for text in found if text]
    if not found:
        return Html("")
    items = element("ul", *(element("li", text) for text in found))
    return element("div", element("strong", "Warnings"), items, class_="warning", role="note")


def _other_trials(systems: Sequence[System], name: str) -> str:
    """A warning where runs were scored on different trials under one name of a set."""
    counts: dict[tuple[int, int], list[str]] = {}
    for system in systems:
        for run in system.runs:
            results = run["test_sets"].get(name)
            if results:
                counts.setdefault((results["bonafide"], results["spoof"]), []).append(run["tag"])
    if len(counts) < 2:
        return ""
    parts = [
        f"{bonafide:,} + {spoof:,} for {', '.join(tags)}"
        for (bonafide, spoof), tags in counts.items()
    ]
    return f"{name}: not the same trials in all runs (bona fide + spoof: {'; '.join(parts)})"


def interval_text(system: System, name: str) -> str:
    """The 95 % interval, of several runs their range; marked where none has an error."""
    ends = _intervals([system], name)
    if not ends:
        return "-"
    low = min(end["low_percent"] for end in ends)
    high = max(end["high_percent"] for end in ends)
    return f"{low:.2f} to {high:.2f}{NO_ERROR if high == 0 else ''}"


def _intervals(systems: Sequence[System], name: str) -> list[Mapping[str, Any]]:
    """The intervals of a set's EER in those runs that have one."""
    found = [run["test_sets"].get(name, {}) for system in systems for run in system.runs]
    return [results["eer_interval"] for results in found if results.get("eer_interval")]


def _no_error_note(systems: Sequence[System], names: Sequence[str]) -> Html:
    """What an interval of 0 to 0 hides: "If nothing goes wrong, is everything all right?"

    The rule of three, of J. A. Hanley and A. Lippman-Hand, JAMA 249 (13), 1983: with no error in n
    independent trials the 95 % upper bound of the error rate is about 3 / n.
    """
    marked = [
        name
        for name in names
        if any(interval_text(system, name).endswith(NO_ERROR) for system in systems)
    ]
    if not marked:
        return Html("")
    bounds = "; ".join(f"{name}: {_bounds(first_with(systems, name))}" for name in marked)
    return paragraph(
        f"{NO_ERROR} No draw can hold an error that the trials do not. With none wrong of n "
        "independent trials of a class, the 95 % upper bound of that class's error rate is about "
        f"3/n (rule of three). {bounds}."
    )


def _bounds(results: Mapping[str, Any]) -> str:
    kinds = {"bonafide": "bona fide", "spoof": "spoofed"}
    return ", ".join(
        f"{min(100.0, 300 / results[key]):.2f} % of {results[key]:,} {kind} trials"
        for key, kind in kinds.items()
    )


def _draws(systems: Sequence[System]) -> str:
    """`, of 200 draws of speakers`: how the intervals were made; nothing where there are none."""
    found = dict.fromkeys(
        f"{end['resamples']:,} draws of {end['over']}"
        for name in set_names(systems)
        for end in _intervals(systems, name)
    )
    return f", of {' or '.join(found)}" if found else ""


def _cost_cells(system: System) -> list[str]:
    run = system.runs[0]
    parameters = run["parameters"]
    seconds, memory = system.cost("seconds_per_epoch"), system.cost("peak_memory_mb")
    fewer = f"{parameters['ratio']:,.1f}x" if parameters["trainable"] else "-"
    cost = [decimal(fmean(seconds) if seconds else None, 1), whole(max(memory, default=None))]
    return [whole(parameters["trainable"]), fewer, *cost]


def _eer_cells(values: Sequence[float], with_best: bool) -> list[str]:
    return [mean_text(values), *[decimal(min(values, default=None))] * with_best]


def _summary_caption(systems: Sequence[System]) -> str:
    seen = "and the EER over attacks that training saw and did not see"
    if not has_seeds(systems):
        return f"EER by test set, its 95 % bootstrap interval{_draws(systems)}, {seen}."
    return (
        "EER by system and test set: mean ± sample deviation over the runs (seeds), the best run, "
        "the range of the runs' 95 % bootstrap intervals (lowest to highest end; it is no interval "
        f"of the mean){_draws(systems)}, {seen}."
    )


def summary_table(systems: Sequence[System]) -> Html:
    """Systems by test sets: EER with deviation, best, interval; parameters and cost."""
    names, seeds = set_names(systems), has_seeds(systems)
    eer_header = ["EER %", "best"] if seeds else ["EER %"]
    interval_title = "range of 95 % intervals" if seeds else "95 % interval"
    header, groups = ["system", "runs"], [("", 2)]
    rows = [[system.name, str(len(system.runs))] for system in systems]
    if len(names) > 1 and any(system.values(macro_eer(names)) for system in systems):
        header += eer_header
        groups.append((f"mean over {len(names)} sets", len(eer_header)))
        for system, row in zip(systems, rows, strict=True):
            row += _eer_cells(system.values(macro_eer(names)), seeds)
    for name in names:
        columns = [*eer_header, interval_title, "seen", "unseen"]
        header += columns
        groups.append((name, len(columns)))
        for system, row in zip(systems, rows, strict=True):
            row += [*_eer_cells(system.values(eer_of(name)), seeds), interval_text(system, name)]
            row += [mean_text(system.values(eer_of(name, kind))) for kind in ("seen", "unseen")]
    header += ["trainable", "fewer", "s/epoch", "peak MB"]
    groups.append(("what training takes", 4))
    rows = [row + _cost_cells(system) for system, row in zip(systems, rows, strict=True)]
    whole_table = table(_summary_caption(systems), header, rows, groups)
    return join([whole_table, _no_error_note(systems, names)])


def _cost_plot(systems: Sequence[System]) -> Html:
    """EER against parameters and training time, over the sets that every run has."""
    names = [
        name
        for name in set_names(systems)
        if all(name in run["test_sets"] for system in systems for run in system.runs)
    ]
    is_timed = all(system.cost("seconds_per_epoch") for system in systems)
    if len(systems) < 2 or not names or not is_timed:
        return Html("")
    points = {
        system.name: CostPoint(
            system.values(macro_eer(names)),
            system.runs[0]["parameters"]["trainable"],
            fmean(system.cost("seconds_per_epoch")),
        )
        for system in systems
    }
    title = f"EER on {names[0]}" if len(names) == 1 else f"mean EER over {len(names)} sets"
    alt = f"{title} against trainable parameters and seconds an epoch; values in the table"
    caption = "EER against what training takes."
    if has_seeds(systems):
        caption = (
            "Mean EER over the runs against what training takes; vertical lines join the best and "
            "the worst run."
        )
    return figure(data_uri(cost_svg(points, title)), alt, caption, "wide")


def summary_section(systems: Sequence[System]) -> Html:
    """The table of all systems and the plot of EER against cost."""
    return section("summary", "Summary", join([summary_table(systems), _cost_plot(systems)]))
