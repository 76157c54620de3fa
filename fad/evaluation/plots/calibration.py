"""Bayes error-rate curves: the cost of scores that are read as log-likelihood ratios."""

from collections.abc import Mapping
from math import log
from typing import Any

import numpy as np

from fad.evaluation.metrics.dcf import ASVSPOOF5
from fad.evaluation.plots.panels import COLUMNS, panel_size, panels
from fad.evaluation.plots.style import BONAFIDE, INK, MUTED, SPOOF, settings, svg


def calibration_svg(systems: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Draws Bayes error-rate curves, normalised cost over prior log odds, in a panel a system.

    Args:
        systems: `bayes` of `fad.evaluation.results.curves.set_curves` by the system's name.
    """
    lines: dict[str, tuple[str, str, dict[str, Any]]] = {
        "minimum": ("raw", "minimum", {"color": INK, "linewidth": 1.4}),
        "actual, raw scores": ("raw", "actual", {"color": SPOOF, "linestyle": (0, (1, 1))}),
        "actual, calibrated": (
            "calibrated",
            "actual",
            {"color": BONAFIDE, "linestyle": (0, (4, 1.5))},
        ),
    }
    operating = log(np.divide(*ASVSPOOF5.weights))
    with settings():
        figure, grid = panels(list(systems), *panel_size(len(systems)))
        handles = {}
        for axes, bayes in zip(grid, systems.values(), strict=True):
            axes.axvline(operating, color=MUTED, linewidth=0.8)
            for text, (kind, curve, look) in lines.items():
                if bayes[kind] is None:
                    continue
                prior = bayes["prior_log_odds"]
                (handles[text],) = axes.plot(prior, bayes[kind][curve], label=text, **look)
            axes.set(xlim=(prior[0], prior[-1]), ylim=(0, 1.3), yticks=[0, 0.5, 1])
            axes.grid()
        for axes in grid[::COLUMNS]:
            axes.set_ylabel("normalised DCF")
        figure.supxlabel("prior log odds of bona fide", fontsize=9.5)
        figure.legend(handles=list(handles.values()), loc="outside upper left", ncols=3)
        return svg(figure)
