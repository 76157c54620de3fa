"""report.html: one self-contained page over experiments, without scripts and without a network.

A section is a module here, which prepares its data, and a template of the same name, which lays it
out. Plots are SVG in data URIs. The same experiments give the same bytes.
"""

import logging
from collections.abc import Sequence

from fad.evaluation.html.breakdown import breakdown_section
from fad.evaluation.html.costs import costs_section
from fad.evaluation.html.det import det_section
from fad.evaluation.html.hardest import hardest_section
from fad.evaluation.html.introduction import introduction, warnings
from fad.evaluation.html.provenance import provenance_section
from fad.evaluation.html.render import render
from fad.evaluation.html.scores import scores_section
from fad.evaluation.html.summary import summary_section
from fad.evaluation.html.trials import trials_section
from fad.evaluation.results.overview import gather_with_curves
from fad.evaluation.results.systems import Experiment, group_seeds, name_sets
from fad.experiment.directory import ExperimentDir
from fad.experiment.names import REPORT
from fad.utils.errors import FadError
from fad.utils.files import write_text
from fad.utils.locks import held

LOCK = ".report.lock"  # of the page over all experiments
WAIT = 60.0  # seconds for another experiment to write it

# A section's anchor, which names its template too: its heading, its name in the list of links, and
# what prepares its data from the systems. A section without data is left out.
SECTIONS = {
    "summary": ("Summary", "Summary", summary_section),
    "det": ("DET curves", "DET curves", det_section),
    "breakdown": ("By attack and other properties", "By attack", breakdown_section),
    "trials": ("Trials and phases", "Trials", trials_section),
    "costs": ("Costs and calibration", "Costs and calibration", costs_section),
    "scores": ("Scores", "Scores", scores_section),
    "hardest": ("Hardest trials", "Hardest trials", hardest_section),
    "reading": ("How to read this page", "How to read", lambda systems: True),
    "provenance": ("Provenance", "Provenance", provenance_section),
}


def page(experiments: Sequence[Experiment], title: str) -> str:
    """The page over some experiments.

    Args:
        experiments: the contents of their results.json, each with `path`, `cost`, and `curves` by
            set, None where there are none (`fad.evaluation.results.overview.gather_with_curves`).
        title: the heading.

    Raises:
        FadError: there is no experiment, or none has a test set.
    """
    systems = group_seeds(name_sets(experiments))
    if not any(run["test_sets"] for system in systems for run in system.runs):
        raise FadError("no experiment with results: run stage 5 first")
    sections = [
        {"anchor": anchor, "title": heading, "link": link, "data": data}
        for anchor, (heading, link, prepare) in SECTIONS.items()
        if (data := prepare(systems))
    ]
    return render(
        title=title,
        introduction=introduction(systems),
        warnings=warnings(systems),
        sections=sections,
    )


def write_pages(exp: ExperimentDir) -> None:
    """Writes `report.html` in `exp/<tag>`, and again the one in `exp` over all experiments.

    If another experiment's results cannot be read, the page over all experiments stays as it was,
    and a warning says why.
    """
    everything, recipe = exp.path.parent, exp.path.resolve().parents[1].name
    write_text(exp.report, page(gather_with_curves([exp.path]), f"{exp.tag} of {recipe}"))
    with held(everything / LOCK, WAIT):  # the last to write it has seen all results
        try:
            of_all = page(gather_with_curves([everything]), f"Results of {recipe}")
        except FadError as error:
            logging.warning("%s is not rewritten: %s", everything / REPORT, error)
            return
        write_text(everything / REPORT, of_all)
