"""The end of the page: how to read it, and what each number was made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from fad.config.resolve import dump_config
from fad.evaluation.html.elements import Html, details, element, join, section, table
from fad.evaluation.html.paths import shown_path
from fad.evaluation.results.systems import Experiment, System
from fad.evaluation.results.tables import counted, decimal, whole

TERMS = {
    "Score": "logit of bona fide minus logit of spoof: higher means more bona fide.",
    "EER": "equal error rate: the mean of miss and false alarm rate at the threshold where they "
    "are closest. 0 % is perfect, 50 % is chance; above 50 % the sign is inverted.",
    "Threshold at EER": "found on the test set itself, and so describes it. Choose the threshold "
    "of a system on other data.",
    "Seen, unseen": "whether the attack's name occurs in the training data.",
    "By attack": "an attack's spoofs are measured against all bona fide trials; any other property "
    "within the trials that share it. The mean of the rows counts each group the same.",
    "95 % interval": "percentiles of the EER over bootstrap draws of speakers, or of trials where "
    "speakers are not known. With no error it is 0 to 0 however few the trials: see the note.",
    "Runs": "trainings that differ in their seed alone. The deviation is that of a sample; the "
    "best run was chosen on the test set and flatters.",
    "minDCF, actDCF": "normalised detection cost at the best threshold of the set, and at the "
    "Bayes threshold; 1 is the cost of not listening.",
    "Cllr": "cost of log-likelihood ratios in bits: 0 is perfect, 1 knows nothing, more misleads.",
    "min t-DCF": "cost in tandem with a speaker verifier; comparable for the same verifier alone.",
}


def how_to_read() -> Html:
    """What the terms of the page mean."""
    pairs = [join([element("dt", term), element("dd", meaning)]) for term, meaning in TERMS.items()]
    return section("reading", "How to read this page", element("dl", *pairs))


def _sha(value: str | None) -> Html:
    return element("code", value or "none")


def _run_rows(run: Experiment) -> list[tuple[str, str]]:
    """What one run was: code, seed, files and their hashes, training and what it took."""
    parameters, best, cost = run["parameters"], run["best"], run["cost"]
    settings = "; ".join(f"{key} = {value}" for key, value in run.get("settings", {}).items())
    rows: list[tuple[str, str]] = [
        ("results", element("code", shown_path(run["path"], run))),
        ("config", f"{run['config_name']} (adaptation {run['adaptation']})"),
        ("differs from the shipped config in", settings or "nothing"),
        ("seed", str(run["seed"])),
        ("code of training", element("code", run.get("trained_with") or "unknown")),
        ("code of results", element("code", run["git"] or "unknown: no git working tree")),
        ("pre-trained file", element("code", _pretrained(run))),
        ("its sha256", _sha(run["pretrained"].get("sha256"))),
        ("parameters", f"{whole(parameters['total'])}, of which {_trainable(parameters)}"),
        ("best epoch", f"{best['epoch']} (dev EER {100 * best['dev_eer']:.2f} %)"),
        ("training", _training(cost)),
    ]
    for name, found in run["test_sets"].items():
        if found.get("calibrated"):
            rows.append((f"calibration on {name}", _calibration(found["calibrated"])))
        rows.append((f"scores of {name}, sha256", _sha(found.get("scores_sha256"))))
        if found.get("data"):
            rows.append((f"data of {name}", element("code", shown_path(found["data"], run))))
    return rows


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
        f"{whole(parameters['trainable'])} train: {whole(parameters['adaptation'])} of the "
        f"adaptation, {whole(parameters['backend'])} of the back-end"
    )


def _training(cost: Mapping[str, Any]) -> str:
    processes = cost["processes"]
    ending = "" if processes == 1 else "es"
    return (
        f"{counted(cost['epochs'], 'epoch')} of {decimal(cost['seconds_per_epoch'], 1)} s on "
        f"{cost['device']}, {processes} process{ending}, peak {whole(cost['peak_memory_mb'])} MB"
    )


def _config_text(run: Experiment) -> Html:
    config = run.get("config")
    if not config:
        return Html("")
    text = element("pre", element("code", dump_config(config)), tabindex="0")
    return details("Resolved config", text)


def _run_part(run: Experiment) -> Html:
    pairs = [join([element("dt", key), element("dd", value)]) for key, value in _run_rows(run)]
    return join([element("dl", *pairs, class_="facts"), _config_text(run)])


def _short(value: str | None, length: int = 12) -> Html:
    """A hash by its first digits, as the whole stands below."""
    dirty = "+dirty" if value and value.endswith("+dirty") else ""
    return element("code", value[:length] + dirty if value else "-")


def provenance_section(systems: Sequence[System]) -> Html:
    """A table over all runs, then everything about each."""
    runs = [run for system in systems for run in system.runs]
    if len(runs) == 1:
        return section("provenance", "Provenance", _run_part(runs[0]))
    header = ["run", "system", "seed", "code of training", "code of results", "pre-trained"]
    header += ["epochs", "s/epoch", "dev EER %"]
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
    parts = [details(f"Everything about {run['tag']}", _run_part(run)) for run in runs]
    return section("provenance", "Provenance", table("All runs.", header, rows), *parts)
