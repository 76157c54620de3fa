"""The section that says what each number was made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fad.config.resolve import dump_config
from fad.evaluation.html.parts import Table
from fad.evaluation.html.paths import shown_path
from fad.evaluation.results.systems import Experiment, System
from fad.evaluation.results.tables import counted, decimal, whole

CODE_COLUMNS = ["code of training", "code of results", "pre-trained"]


@dataclass(frozen=True)
class Fact:
    """A term and its value; `is_code` where the value is written in a monospaced font."""

    term: str
    value: str
    is_code: bool = False


def _facts(run: Experiment) -> list[Fact]:
    """One run: code, seed, files and their hashes, training and its cost."""
    parameters, best = run["parameters"], run["best"]
    settings = "; ".join(f"{key} = {value}" for key, value in run.get("settings", {}).items())
    facts = [
        Fact("results", shown_path(run["path"], run), is_code=True),
        Fact("config", f"{run['config_name']} (adaptation {run['adaptation']})"),
        Fact("differs from the shipped config in", settings or "nothing"),
        Fact("seed", str(run["seed"])),
        Fact("code of training", run.get("trained_with") or "unknown", is_code=True),
        Fact("code of results", run["git"] or "unknown: no git working tree", is_code=True),
        Fact("pre-trained file", _pretrained(run), is_code=True),
        Fact("its sha256", run["pretrained"].get("sha256") or "none", is_code=True),
        Fact("parameters", f"{whole(parameters['total'])}, of which {_trainable(parameters)}"),
        Fact("best epoch", f"{best['epoch']} (dev EER {100 * best['dev_eer']:.2f} %)"),
        Fact("training", _training(run["cost"])),
    ]
    for name, found in run["test_sets"].items():
        if found.get("calibrated"):
            facts.append(Fact(f"calibration on {name}", _calibration(found["calibrated"])))
        scores = found.get("scores_sha256") or "none"
        facts.append(Fact(f"scores of {name}, sha256", scores, is_code=True))
        if found.get("data"):
            facts.append(Fact(f"data of {name}", shown_path(found["data"], run), is_code=True))
    return facts


def _pretrained(run: Experiment) -> str:
    path = run["pretrained"].get("path")
    return shown_path(path, run) if path else "none"


def _calibration(found: Mapping[str, Any]) -> str:
    data = found["fitted_on"]
    return (
        f"log-likelihood ratio = {found['scale']:.4g} score {found['offset']:+.4g} (nats), fitted "
        f"on {whole(data['bonafide'])} bona fide and {whole(data['spoof'])} spoofed trials at "
        f"P_spoof {found['p_spoof']:g}"
    )


def _trainable(parameters: Mapping[str, Any]) -> str:
    return (
        f"{whole(parameters['trainable'])} are trained: {whole(parameters['adaptation'])} of the "
        f"adaptation, {whole(parameters['backend'])} of the back-end"
    )


def _training(cost: Mapping[str, Any]) -> str:
    processes = cost["processes"]
    ending = "" if processes == 1 else "es"
    return (
        f"{counted(cost['epochs'], 'epoch')} of {decimal(cost['seconds_per_epoch'], 1)} s on "
        f"{cost['device']}, {processes} process{ending}, peak {whole(cost['peak_memory_mb'])} MB"
    )


def _run_part(run: Experiment) -> dict[str, Any]:
    config = run.get("config")
    return {
        "tag": run["tag"],
        "facts": _facts(run),
        "config": dump_config(config) if config else "",
    }


def _short(value: str | None, length: int = 12) -> str:
    """The first digits of a hash; the page shows the whole hash below."""
    dirty = "+dirty" if value and value.endswith("+dirty") else ""
    return value[:length] + dirty if value else "-"


def _table(systems: Sequence[System]) -> Table:
    header = ["run", "system", "seed", *CODE_COLUMNS, "epochs", "s/epoch", "dev EER %"]
    rows = [
        [
            run["tag"],
            system.name,
            str(run["seed"]),
            _short(run.get("trained_with")),
            _short(run["git"]),
            _short(run["pretrained"].get("sha256")),
            str(run["cost"]["epochs"]),
            decimal(run["cost"]["seconds_per_epoch"], 1),
            decimal(100 * run["best"]["dev_eer"]),
        ]
        for system in systems
        for run in system.runs
    ]
    return Table("All runs.", header, rows, code=CODE_COLUMNS)


def provenance_section(systems: Sequence[System]) -> dict[str, Any]:
    """The data of `provenance.html.j2`: `runs`, and of several runs a `table` of all."""
    runs = [_run_part(run) for system in systems for run in system.runs]
    return {"table": _table(systems) if len(runs) > 1 else None, "runs": runs}
