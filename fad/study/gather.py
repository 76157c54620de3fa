"""Finished runs of a study, grouped by seed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from fad.config.plain_yaml import dotted_values
from fad.config.resolve import NOT_SETTINGS
from fad.evaluation.metrics.seeds import mean_interval
from fad.evaluation.results.overview import gather
from fad.evaluation.results.same_trials import different_trials
from fad.evaluation.results.systems import Experiment, System, group_seeds, set_names, spread
from fad.evaluation.results.tables import counted, interval_basis
from fad.experiment.directory import ExperimentDir
from fad.experiment.summary import read_train_summary
from fad.utils.errors import FadError
from fad.utils.git import git_hash

STUDY_VERSION = 1
"""The version of study.json; raise it when a key changes its meaning or is removed."""

GROUPS = ("all", "seen", "unseen")
RANK, CROP = "adaptation_conf.rank", "train.crop_samples"
TARGETS = "adaptation_conf.target_modules"
SEED = "train.seed"
RATE = 16000  # Hz, of all dumps

Entry = dict[str, Any]
"""One system of study.json."""


def gather_study(exp: Path, name: str) -> dict[str, Any]:
    """The content of study.json (see `python -m fad.bin.study --help`).

    Args:
        exp: the recipe's exp/.
        name: the name of the study; its runs are `exp/<name>_*`.

    Raises:
        FadError: no run is finished, or a file of a run is malformed.
    """
    folders = sorted(exp.glob(f"{name}_*"))
    if not any(ExperimentDir(folder).results.is_file() for folder in folders):
        raise FadError(
            f"{exp}/{name}_*: no run is finished: run ../TEMPLATE/study.sh --name {name} first"
        )
    systems = group_seeds(gather(folders))
    configs = [_values(system) for system in systems]
    varied = [_varied(system, configs, systems) for system in systems]
    entries = [_entry(*each) for each in zip(systems, configs, varied, strict=True)]
    _number_labels(entries)
    common = _take_common(entries)
    usual = _mark_costs(entries)
    return {
        "study_version": STUDY_VERSION,
        "name": name,
        "git": git_hash(),
        "common_settings": common,
        "measured_on": usual,
        "warnings": _warnings(systems),
        "unfinished": [
            exp.tag
            for exp in map(ExperimentDir, folders)
            if exp.config.is_file() and not exp.results.is_file()
        ],
        "test_sets": [
            name
            for name in set_names(systems)
            if any(entry["test_sets"].get(name) for entry in entries)
        ],
        "systems": entries,
    }


def _values(system: System) -> dict[str, str]:
    """The values of the config by dotted key, without the seed and the data."""
    config = system.runs[0]["config"]
    values = dotted_values({key: config[key] for key in config if key not in NOT_SETTINGS})
    values.pop(SEED, None)
    return values


def _varied(
    system: System, configs: Sequence[Mapping[str, str]], systems: Sequence[System]
) -> dict[str, str]:
    """The values that differ between systems of the same method."""
    together = zip(configs, systems, strict=True)
    alike = [config for config, other in together if _method(other) == _method(system)]
    own = _values(system)
    return {key: value for key, value in own.items() if any(c.get(key) != value for c in alike)}


def _method(system: System) -> str:
    return system.runs[0]["config_name"]


def _entry(system: System, values: Mapping[str, str], varied: Mapping[str, str]) -> Entry:
    run = system.runs[0]
    conf, train = run["config"].get("adaptation_conf") or {}, run["config"]["train"]
    steps = system.cost("seconds_per_step")
    settings = {key: value for key, value in run["settings"].items() if key != SEED}
    return {
        "label": label(_method(system), varied),
        "method": _method(system),
        "adaptation": run["adaptation"],
        "rank": conf.get("rank"),
        "target_modules": conf.get("target_modules"),
        "crop_samples": train.get("crop_samples"),
        "varied": dict(varied),
        "settings": settings,
        "tags": [run["tag"] for run in system.runs],
        "seeds": [run["seed"] for run in system.runs],
        "trained_with": sorted({run["trained_with"] or "unknown" for run in system.runs}),
        "pretrained": run["pretrained"],
        "trainable": run["parameters"]["trainable"],
        "fewer": run["parameters"]["ratio"],
        "reads": _reads(run),
        "seconds_per_step": median(steps) if steps else None,
        "peak_memory_mb": max(system.cost("peak_memory_mb"), default=None),
        "measured_on": " and ".join(sorted({_place(run) for run in system.runs})),
        "test_sets": {
            name: {group: found for group in GROUPS if (found := _errors(system, name, group))}
            for name in set_names([system])
        },
    }


def label(method: str, varied: Mapping[str, str]) -> str:
    """A label such as `lora, rank 4, q,v, 2.0 s`: the method and its varied settings."""
    return ", ".join([method, *(said(key, value) for key, value in varied.items())])


def said(key: str, value: str) -> str:
    """A setting as it is written in a label: `rank 4`."""
    if key == TARGETS:
        return value.strip("[]").replace("_proj", "").replace(" ", "")
    if key == CROP:
        return f"{int(value) / RATE:.1f} s"
    return f"{key.rpartition('.')[2]} {value}"


def _number_labels(entries: Sequence[Entry]) -> None:
    """Numbers equal labels: such systems differ in their encoder or their data."""
    count: Counter[str] = Counter()
    for entry in entries:
        count[entry["label"]] += 1
        if count[entry["label"]] > 1:
            entry["label"] += f" ({count[entry['label']]})"


def _reads(run: Experiment) -> str | None:
    """The boundary that training read at; `none` is audio."""
    return read_train_summary(ExperimentDir(Path(run["path"]).parent)).get("reads", {}).get("train")


def _place(run: Experiment) -> str:
    """Where and how the cost was measured, as far as known."""
    cost, train = run["cost"], run["config"]["train"]
    parts = [cost["device"], cost.get("machine") or "a machine that is not known"]
    clips = train.get("batch_size", 1) * train.get("accumulate", 1)
    processes = cost["processes"]
    parts.append(f"{processes} {'process' if processes == 1 else 'processes'}")
    return ", ".join([*parts, f"steps of {counted(clips, 'clip')}"])


def _errors(system: System, name: str, group: str) -> Entry | None:
    """EERs on a set in percent: those of all runs, mean, deviation, lowest and an interval."""
    found = [run["test_sets"].get(name, {}) for run in system.runs]
    parts = [part if group == "all" else part.get(group) or {} for part in found]
    parts = [part for part in parts if part.get("eer_percent") is not None]
    values = [part["eer_percent"] for part in parts]
    summary = spread(values)
    if summary is None:
        return None
    return {
        "mean": summary.mean,
        "deviation": summary.deviation,
        "best": summary.best,
        "values": values,
        "interval": _interval(values, parts[0]),
    }


def _interval(values: Sequence[float], part: Mapping[str, Any]) -> Entry | None:
    """The 95 % interval: of the mean over several seeds, or else the run's own bootstrap."""
    seeds = mean_interval(values)
    if seeds is not None:
        low, high = max(0.0, seeds[0]), min(100.0, seeds[1])
        return {"low": low, "high": high, "over": f"{len(values)} seeds"}
    own = part.get("eer_interval")
    if not own:
        return None
    ends = {"low": own["low_percent"], "high": own["high_percent"]}
    return {**ends, "over": interval_basis(part)}


def _take_common(entries: Sequence[Entry]) -> dict[str, str]:
    """Removes the settings that all systems share from each system; returns them."""
    first, *others = (entry["settings"] for entry in entries)
    common = {
        key: value for key, value in first.items() if all(o.get(key) == value for o in others)
    }
    for entry in entries:
        left = {key: value for key, value in entry["settings"].items() if key not in common}
        entry["settings"] = left
    return common


def _mark_costs(entries: Sequence[Entry]) -> str:
    """Marks in each system whether its cost is comparable; returns where most were measured."""
    usual = Counter(entry["measured_on"] for entry in entries).most_common(1)[0][0]
    for entry in entries:
        entry["comparable_cost"] = entry["measured_on"] == usual
    return usual


def _warnings(systems: Sequence[System]) -> list[str]:
    """The reasons why the systems of a study cannot be compared fairly."""
    runs = [system.runs[0] for system in systems]
    encoders = {run["pretrained"].get("sha256") for run in runs}
    data = {str(run["config"].get("data")) for run in runs}
    found = [*different_trials(systems).values()]
    for count, what in ((len(encoders), "pre-trained encoders"), (len(data), "states of the data")):
        if count > 1:
            found.append(f"the runs are of {count} {what}: give each a study of its own (--name)")
    return found


def series(systems: Sequence[Entry], axis: str, where: str) -> dict[str, list[tuple[float, Entry]]]:
    """The points of curves: systems of a method that differ only along one axis.

    Args:
        systems: the systems of study.json.
        axis: a dotted key of the config, such as `RANK`.
        where: the system's key with the value as a number, such as `rank`.

    Returns:
        Two or more (value, system) by rising value, by label.
    """
    found: dict[str, list[tuple[float, Entry]]] = {}
    for system in systems:
        if axis not in system["varied"]:
            continue
        rest = {key: value for key, value in system["varied"].items() if key != axis}
        found.setdefault(label(system["method"], rest), []).append((system[where], system))
    curves = {name: sorted(points, key=lambda point: point[0]) for name, points in found.items()}
    return {name: points for name, points in curves.items() if len({x for x, _ in points}) > 1}
