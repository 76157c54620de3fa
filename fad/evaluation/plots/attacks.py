"""EER of each attack with its interval: one panel for each system, the same rows in each."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fad.evaluation.plots.panels import COLUMNS, panels
from fad.evaluation.plots.style import MUTED, Look, label, settings, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Groups = Mapping[str, Mapping[str, Any]]
"""Results of one run by attack, as in results.json."""

MOST_ROWS = 40
_NAMES = 1.6  # inches that the attacks' names take
SEEN_MARKS = {True: "seen", False: "unseen", None: ""}


def attack_order(runs: Sequence[Groups]) -> list[str]:
    """The attacks with an EER: those seen in training first, both parts sorted by name."""
    first: dict[str, Any] = {}
    for groups in runs:
        for name, group in groups.items():
            if group.get("eer_percent") is not None:
                first.setdefault(name, group)
    return sorted(first, key=lambda name: (first[name].get("seen_in_training") is False, name))


def _hardest(runs: Sequence[Groups], attacks: list[str]) -> list[str]:
    """The `MOST_ROWS` attacks with the highest EER in any run, in the order given."""
    worst = {name: max(_eers(runs, name), default=0.0) for name in attacks}
    chosen = sorted(attacks, key=lambda name: -worst[name])[:MOST_ROWS]
    return [name for name in attacks if name in chosen]


def _eers(runs: Sequence[Groups], attack: str) -> list[float]:
    found = [groups.get(attack, {}).get("eer_percent") for groups in runs]
    return [value for value in found if value is not None]


def _draw_attack(axes: "Axes", row: int, attack: str, runs: Sequence[Groups], look: Look) -> None:
    """A bar at the mean over runs; for each run a dot and its interval."""
    eers = _eers(runs, attack)
    if not eers:
        return
    axes.barh(row, np.mean(eers), height=0.72, color=look.colour, alpha=0.3)
    spread = np.linspace(-0.22, 0.22, len(runs)) if len(runs) > 1 else [0.0]
    ends = list(eers)
    for groups, offset in zip(runs, spread, strict=True):
        group = groups.get(attack, {})
        if group.get("eer_percent") is None:
            continue
        interval = group.get("eer_interval")
        if interval:
            low, high = interval["low_percent"], interval["high_percent"]
            axes.hlines(row + offset, low, high, look.colour, linewidth=1.0)
            ends.append(high)
        size = 3.4 if len(runs) > 1 else 4.5
        axes.plot(group["eer_percent"], row + offset, "o", color=look.colour, markersize=size)
    axes.annotate(
        f"{np.mean(eers):.2f}",
        (max(ends), row),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
    )


def _highest(runs: Sequence[Groups], attacks: Sequence[str]) -> float:
    """The right end of all intervals and dots, at least 1 %."""
    found = [
        max(group["eer_percent"], (group.get("eer_interval") or {}).get("high_percent", 0.0))
        for groups in runs
        for name, group in groups.items()
        if name in attacks and group.get("eer_percent") is not None
    ]
    return max([1.0, *found])


def attack_svg(systems: Mapping[str, Sequence[Groups]]) -> bytes:
    """Draws bars at the mean EER over a system's runs, and a dot and a 95 % interval for each run.

    If there are more than `MOST_ROWS` attacks, only the hardest are shown. Rows and scale are the
    same in every panel. Attacks seen in training come first; a line separates the unseen ones.

    Args:
        systems: results by attack of each run, by the system's name, in the order of their colours;
            a system without runs keeps its colour and has no panel. At least one has an EER.

    Returns:
        The SVG.
    """
    runs = [groups for found in systems.values() for groups in found]
    attacks = _hardest(runs, attack_order(runs))
    marks = {
        name: group.get("seen_in_training") for groups in runs for name, group in groups.items()
    }
    names = [f"{label(name, 18)}  {SEEN_MARKS[marks[name]]}".rstrip() for name in attacks]
    boundaries = [
        row - 0.5
        for row in range(1, len(attacks))
        if marks[attacks[row]] != marks[attacks[row - 1]]
    ]
    most_runs = max(map(len, systems.values()))
    height = 0.95 + len(attacks) * (0.24 if most_runs == 1 else 0.3)
    shown = {name: Look.of(index) for index, name in enumerate(systems) if systems[name]}
    with settings():
        width = 5.0 if len(shown) == 1 else 2.75
        figure, grid = panels(list(shown), width, height, left=_NAMES)
        for index, (axes, (name, look)) in enumerate(zip(grid, shown.items(), strict=True)):
            for row, attack in enumerate(attacks):
                _draw_attack(axes, row, attack, systems[name], look)
            axes.set_xlim(0, 1.22 * _highest(runs, attacks))
            axes.set_ylim(len(attacks) - 0.4, -0.6)
            axes.set_yticks(
                range(len(attacks)), names if index % COLUMNS == 0 else [""] * len(names)
            )
            axes.tick_params(axis="y", length=0)
            axes.grid(axis="x")
            axes.locator_params(axis="x", nbins=4)
            for boundary in boundaries:
                axes.axhline(boundary, color="#888888", linewidth=0.7)
        figure.supxlabel("EER (%)", fontsize=9.5, color=MUTED)
        return svg(figure)
