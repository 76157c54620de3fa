"""Writes study.md, the page of a study with its plots."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fad.evaluation.results.tables import counted, decimal, whole
from fad.evaluation.results.text import for_markdown, markdown_table
from fad.study.gather import CROP, RANK, RATE, Entry, label, said, series
from fad.study.plots import Costed, Point, cost_png, curve_png
from fad.utils.files import remove_parts, write_json, write_text

Study = Mapping[str, Any]

ENDS = ("frozen", "full")  # nothing of the encoder trains, or all of it
HEADER = ["system", "runs", "trainable", "fewer", "reads", "s/step", "peak MB", "EER %", "best"]
HEADER += ["95 % interval", "over", "seen", "unseen"]

HOW_TO_READ = """## How to read this

- **EER**: the mean over the runs of a system, which differ only in their seed, and their sample
  deviation. **best**: the lowest, chosen on the same trials: compare means. **seen**, **unseen**:
  over attacks in the training data, and over the other attacks.
- **Interval**, 95 %. Over seeds: of the mean of many such trainings on these same trials (Student's
  t); a point if all seeds have one EER. Over speakers or trials, if there is only one run: of the
  EER of this one model on other trials (bootstrap). Neither includes the other.
- **fewer**: how many times fewer parameters are trained than the pre-trained file has.
- **reads**: the input of training: audio, or frames stored by stage 2, whose cost is not included.
- **s/step**: only of the steps of training: the median epoch divided by its steps, of the median
  run. **peak MB**: the most memory of a process in any run, scoring the dev set included. `*` marks
  costs measured on another machine or in another way than most; they are not in the plot of cost:
  {usual}.
- A rank changes only the rank: alpha stays, so a factor such as alpha / rank falls.
- In the plots a marker is the mean, a bar the interval and a dash a run.
"""


def write_study(study: Study, folder: Path) -> None:
    """Writes `study.json`, `study.md` and the plots; same inputs, same bytes.

    Args:
        study: the result of `fad.study.gather.gather_study`.
        folder: exp/<name>.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_parts(folder)
    plots = {name: _draw(study["systems"], name, folder) for name in study["test_sets"]}
    write_text(folder / "study.md", study_md(study, plots))
    write_json(folder / "study.json", study)


def study_md(study: Study, plots: Mapping[str, Sequence[str]]) -> str:
    """The text of study.md.

    Args:
        study: the content of study.json.
        plots: the plots' file names by test set.
    """
    systems = study["systems"]
    parts = [f"# Study {study['name']}", for_markdown(_introduction(study))]
    parts += [f"**Warning: {for_markdown(warning)}**" for warning in study["warnings"]]
    if study["unfinished"]:
        unfinished = for_markdown(", ".join(study["unfinished"]))
        parts.append(f"Not finished, and so not here: {unfinished}.")
    for name in study["test_sets"]:
        parts += [f"## {for_markdown(name)}", _table(systems, name)]
        parts += [f"![{Path(plot).stem}]({plot})" for plot in plots[name]]
    parts += ["## Settings and places", _settings_table(study)]
    return "\n\n".join([*parts, HOW_TO_READ.format(usual=study["measured_on"])])


def _introduction(study: Study) -> str:
    systems = study["systems"]
    runs = sum(len(system["tags"]) for system in systems)
    encoders = sorted({Path(system["pretrained"]["path"]).name for system in systems})
    commits = sorted({commit[:12] for system in systems for commit in system["trained_with"]})
    common = ", ".join(f"{key} {value}" for key, value in study["common_settings"].items())
    return (
        f"{counted(len(systems), 'system')}, {counted(runs, 'finished run')}. Encoder: "
        f"{', '.join(encoders)}. Of all methods, other than in conf/: {common or 'nothing'}. "
        f"Code of training: {', '.join(commits)}; of this page: {(study['git'] or 'unknown')[:12]}."
    )


def _table(systems: Sequence[Entry], name: str) -> str:
    rows = [_row(system, system["test_sets"][name]) for system in _of_set(systems, name)]
    return markdown_table(HEADER, rows)


def _of_set(systems: Sequence[Entry], name: str) -> list[Entry]:
    return [system for system in systems if system["test_sets"].get(name)]


def _row(system: Entry, errors: Entry) -> list[str]:
    every = errors["all"]
    interval = every["interval"]
    mark = "" if system["comparable_cost"] else "*"
    return [
        system["label"],
        str(len(every["values"])),
        whole(system["trainable"]),
        f"{system['fewer']:,.1f}x" if system["fewer"] else "-",
        {"none": "audio", None: "-"}.get(system["reads"], system["reads"]),
        decimal(system["seconds_per_step"], 3) + mark,
        whole(system["peak_memory_mb"]) + mark,
        _mean(every),
        decimal(every["best"]),
        f"{interval['low']:.2f} to {interval['high']:.2f}" if interval else "-",
        interval["over"] if interval else "-",
        _mean(errors.get("seen")),
        _mean(errors.get("unseen")),
    ]


def _mean(errors: Entry | None) -> str:
    if errors is None:
        return "-"
    deviation = errors["deviation"]
    return f"{errors['mean']:.2f}" + ("" if deviation is None else f" ± {deviation:.2f}")


def _settings_table(study: Study) -> str:
    """Other facts of each system: settings, seeds, where its cost was measured, folder."""
    rows = [
        [
            system["label"],
            _own_settings(system),
            " ".join(map(str, system["seeds"])),
            "as most" if system["comparable_cost"] else system["measured_on"],
            f"exp/{system['tags'][0]}",
        ]
        for system in study["systems"]
    ]
    return markdown_table(["system", "own settings", "seeds", "cost measured", "first run"], rows)


def _own_settings(system: Entry) -> str:
    """The settings that are neither in its name nor shared by all systems."""
    settings = {k: value for k, value in system["settings"].items() if k not in system["varied"]}
    return ", ".join(f"{key} {value}" for key, value in settings.items()) or "none"


def _draw(systems: Sequence[Entry], name: str, folder: Path) -> list[str]:
    """Draws the plots of a set that have data; returns the files' names."""
    found = _of_set(systems, name)
    stem = name.replace("/", "_")
    curves = {"rank": (RANK, "rank"), "length": (CROP, "crop_samples")}
    drawn = []
    for kind, (axis, where) in curves.items():
        along = series(found, axis, where)
        (folder / f"{kind}_{stem}.png").unlink(missing_ok=True)  # of another state of the study
        if along:
            drawn.append(f"{kind}_{stem}.png")
            _draw_curves(kind, along, found, name, folder / drawn[-1])
    drawn.append(f"cost_{stem}.png")
    costed = [
        Costed(
            *_family(system),
            system["trainable"],
            system["seconds_per_step"] if system["comparable_cost"] else None,
            _point(system, name, 0.0),
        )
        for system in found
        if system["trainable"]
    ]
    cost_png(folder / drawn[-1], costed, f"EER on {name} against what training takes")
    return drawn


def _family(system: Entry) -> tuple[str, str]:
    """The family of a system in the plot of cost, and its own name there.

    Systems of a family differ only in rank, if the rank is varied; each crop then has its own
    family. Otherwise they differ only in the crop.
    """
    varied = system["varied"]
    axis = RANK if RANK in varied else CROP
    rest = {key: value for key, value in varied.items() if key != axis}
    return label(system["method"], rest), said(axis, varied[axis]) if axis in varied else ""


def _draw_curves(
    kind: str,
    along: Mapping[str, Sequence[tuple[float, Entry]]],
    systems: Sequence[Entry],
    name: str,
    path: Path,
) -> None:
    is_length = kind == "length"
    scale = RATE if is_length else 1
    curves = {
        title: [_point(system, name, x / scale) for x, system in points]
        for title, points in along.items()
    }
    joined = [system["label"] for points in along.values() for _, system in points]
    levels = {
        system["label"]: system["test_sets"][name]["all"]["mean"]
        for system in systems
        if system["adaptation"] in ENDS and system["label"] not in joined
    }
    xlabel = "length of a training crop (s)" if is_length else "rank"
    title = f"EER on {name} by {'input length' if is_length else 'rank'}"
    # Every method has a crop length, so a run at a single length is not a level for all lengths.
    curve_png(
        path,
        curves,
        {} if is_length else levels,
        title,
        xlabel,
        lambda x: f"{x:.1f}" if is_length else f"{x:g}",
    )


def _point(system: Entry, name: str, x: float) -> Point:
    errors = system["test_sets"][name]["all"]
    ends = errors["interval"]
    interval = (ends["low"], ends["high"]) if ends else None
    return Point(x, errors["mean"], interval, errors["values"])
