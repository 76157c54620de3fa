"""report.html: one page over experiments, whole in itself, without scripts and without a network.

Nothing is fetched: plots are SVG in data URIs, and the content security policy of the page forbids
the rest. Every name and path from a table is escaped (`fad.evaluation.html.elements`). The same
experiments give the same bytes.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from fad.evaluation.html.breakdown import breakdown_section, histogram_section
from fad.evaluation.html.det import det_section
from fad.evaluation.html.elements import Html, element, html, join
from fad.evaluation.html.provenance import how_to_read, provenance_section
from fad.evaluation.html.summary import introduction, summary_section, warnings
from fad.evaluation.html.tables import costs_section, counts_section, hardest_section
from fad.evaluation.results.overview import gather_with_curves
from fad.evaluation.results.systems import Experiment, group_seeds, name_sets
from fad.utils.errors import FadError
from fad.utils.files import write_text

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
SECTIONS = {
    "summary": ("Summary", summary_section),
    "det": ("DET curves", det_section),
    "breakdown": ("By attack", breakdown_section),
    "trials": ("Trials", counts_section),
    "costs": ("Costs and calibration", costs_section),
    "scores": ("Scores", histogram_section),
    "hardest": ("Hardest trials", hardest_section),
    "reading": ("How to read", lambda systems: how_to_read()),
    "provenance": ("Provenance", provenance_section),
}
REPORT = "report.html"
FOOTER = "Made by fad of each run's results.json, curves.json and cost.json."
STYLE = """
:root { --ink: #1c1c1c; --muted: #555; --rule: #d9d9d9; --soft: #f5f6f8; --accent: #0b5a8f; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 0 1.25rem 3rem; max-width: 78rem; color: var(--ink);
  background: #fff; font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 1.5rem 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .75rem; padding-top: .75rem;
  border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; overflow-wrap: anywhere; }
p { max-width: 52rem; overflow-wrap: anywhere; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible {
  outline: 3px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; background: #fff; padding: .5rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; padding: 0;
  margin: 1rem 0; }
.lead p { font-size: 1.08rem; }
.warning { border: 2px solid #b34700; border-left-width: .6rem; background: #fff5ec;
  padding: .6rem 1rem; margin: 1rem 0; }
.warning ul { margin: .3rem 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1rem 0; max-width: 100%; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); padding: 0 0 .4rem;
  max-width: min(48rem, calc(100vw - 2rem));
  font-size: .88rem; }
th, td { padding: .28rem .7rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--rule); }
thead th { border-bottom: 2px solid #8a8a8a; vertical-align: bottom; background: var(--soft); }
thead td { border: 0; }
th.group { text-align: left; border-bottom: 1px solid #8a8a8a;
  border-left: 1px solid var(--rule); }
tbody th { font-weight: 600; min-width: 10rem; max-width: 22rem; overflow-wrap: anywhere; }
tbody th, thead tr:last-child th:first-child { position: sticky; left: 0; }
tbody th { background: #fff; }
tbody tr:hover > * { background: var(--soft); }
.number { text-align: right; }
td.number { white-space: nowrap; }
thead th { max-width: 9rem; overflow-wrap: break-word; }
.grid { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr));
  align-items: start; }
figure { margin: 1rem 0; min-width: 0; }
figure img { display: block; max-width: 100%; height: auto; }
figure.plot { max-width: 32rem; }
figure.wide { max-width: none; }
figure.wide img { max-width: none; }
figure.wide figcaption { max-width: 48rem; }
figcaption { color: var(--muted); font-size: .88rem; margin-top: .35rem; overflow-wrap: anywhere; }
code { font: .85em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
td code { white-space: nowrap; }
pre { background: var(--soft); padding: .75rem 1rem; overflow-x: auto; }
details { margin: .4rem 0; }
summary { cursor: pointer; padding: .2rem 0; overflow-wrap: anywhere; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; max-width: 52rem; overflow-wrap: anywhere; }
dl.facts { display: grid; grid-template-columns: minmax(8rem, 14rem) minmax(0, 1fr);
  gap: .25rem 1rem; font-size: .92rem; }
dl.facts dd { margin: 0; }
footer { margin-top: 3rem; color: var(--muted); font-size: .88rem; }
@media (max-width: 40rem) { body { padding: 0 .8rem 2rem; font-size: .95rem; }
  .grid { grid-template-columns: minmax(0, 1fr); }
  dl.facts { grid-template-columns: minmax(0, 1fr); } dl.facts dd { margin-bottom: .4rem; } }
@media print { nav, .skip { display: none; } body { max-width: none; font-size: 9.5pt; }
  .scroll { overflow: visible; } table { font-size: 7.5pt; } figure, tr { break-inside: avoid; }
  figure.wide img { max-width: 100%; } h2 { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; } }
"""


def _head(title: str) -> Html:
    return element(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{html(POLICY)}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        element("style", Html(STYLE)),
    )


def page(experiments: Sequence[Experiment], title: str) -> str:
    """The page over some experiments.

    Args:
        experiments: what their results.json hold, each with `path`, `cost`, and `curves` by set,
            None where there are none (`fad.evaluation.results.overview.gather_with_curves`).
        title: the heading.

    Raises:
        FadError: there is no experiment, or none has a test set.
    """
    systems = group_seeds(name_sets(experiments))
    if not any(run["test_sets"] for system in systems for run in system.runs):
        raise FadError("no experiment with results: run stage 5 first")
    sections = {anchor: make(systems) for anchor, (_, make) in SECTIONS.items()}
    links = [
        element("li", element("a", SECTIONS[anchor][0], href=f"#{anchor}"))
        for anchor, found in sections.items()
        if found
    ]
    body = element(
        "body",
        element("a", "Skip to the results", href="#summary", class_="skip"),
        element(
            "header",
            element("h1", title),
            element("div", introduction(systems), class_="lead"),
            warnings(systems),
            element("nav", element("ul", *links), aria_label="Sections"),
        ),
        element("main", join(sections.values())),
        element("footer", FOOTER),
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n{_head(title)}\n{body}\n</html>\n'


def write_pages(exp: Path) -> None:
    """Writes `report.html` in `exp/<tag>`, and anew the one in `exp` over all experiments there.

    Another experiment whose results cannot be read is no fault of this one: then the page over all
    stays as it was, and a warning says why.
    """
    tag, recipe = exp.resolve().name, exp.resolve().parents[1].name
    write_text(exp / REPORT, page(gather_with_curves([exp]), f"{tag} of {recipe}"))
    try:
        everything = page(gather_with_curves([exp.parent]), f"Results of {recipe}")
    except FadError as error:
        logging.warning("%s is not made anew: %s", exp.parent / REPORT, error)
        return
    write_text(exp.parent / REPORT, everything)
