"""The section of the numbers of trials, by phase, and of the training data."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fad.evaluation.html.introduction import first_with
from fad.evaluation.html.parts import Table
from fad.evaluation.results.overview import mean_text
from fad.evaluation.results.systems import Experiment, System, set_names
from fad.evaluation.results.tables import whole


def _rows(systems: Sequence[System], name: str) -> list[list[str]]:
    """A set's trials; a set with phases has a row for each, and the results' phase is marked."""
    found = first_with(systems, name)

    def eers(get: Callable[[Experiment], float | None]) -> list[str]:
        return [mean_text(system.values(get)) for system in systems]

    skipped = whole(found.get("skipped_clips", 0))
    if "phases" not in found:
        counts = [whole(found["bonafide"]), whole(found["spoof"]), skipped]
        return [[name, "-", *counts, *eers(partial(_phase_eer, name=name, phase=None))]]
    rows = []
    for phase, part in found["phases"].items():
        mark = f"{phase} (results are of this)" if phase == found["phase"] else phase
        counts = [whole(part["bonafide"]), whole(part["spoof"]), skipped]
        rows.append([name, mark, *counts, *eers(partial(_phase_eer, name=name, phase=phase))])
    return rows


def _phase_eer(run: Experiment, name: str, phase: str | None) -> float | None:
    found = run["test_sets"].get(name, {})
    if phase is not None:
        found = found.get("phases", {}).get(phase, {})
    return found.get("eer_percent")


def _counts(systems: Sequence[System]) -> Table:
    header = ["set", "phase", "bona fide", "spoof", "unread", *(found.name for found in systems)]
    rows = [row for name in set_names(systems) for row in _rows(systems, name)]
    caption = (
        "Trials by test set and phase, clips that could not be read and are left out, and the EER "
        "in percent of each system there."
    )
    return Table(caption, header, rows)


def _training_data(systems: Sequence[System]) -> Table | None:
    """Clips, speakers and attacks of the training data."""
    rows = []
    for system in systems:
        data = system.runs[0].get("training_data")
        if data:
            counts = [whole(data[key]) for key in ("bonafide", "spoof", "speakers")]
            rows.append([system.name, *counts, ", ".join(data["attacks"])])
    header = ["system", "bona fide", "spoof", "speakers", "attacks"]
    return Table("Training data of each system.", header, rows) if rows else None


def trials_section(systems: Sequence[System]) -> dict[str, Any]:
    """The data of `trials.html.j2`: the tables `counts` and `training_data`, which may be None."""
    return {"counts": _counts(systems), "training_data": _training_data(systems)}
