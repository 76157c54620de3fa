"""The data of a set's plots, as plain numbers: DET, histograms, Bayes error, hardest trials.

They are small, a few tens of kilobytes for a set of any size, so that a page over many experiments
needs no score file. Curves are thinned, never smoothed: each point is an operating point, as counts
of trials.
"""

import json
from collections.abc import Iterable, Mapping, Set
from math import exp
from typing import Any

import numpy as np

from fad.data.tables import NO_ATTACK
from fad.evaluation.metrics.dcf import DcfCosts
from fad.evaluation.metrics.det import det_curve, probit
from fad.evaluation.metrics.eer import eer
from fad.evaluation.results.checked import AGAIN, read_checked
from fad.evaluation.results.evaluate import split_by_training
from fad.evaluation.trials.trials import Trials
from fad.experiment.directory import ExperimentDir
from fad.utils.errors import FadError
from fad.utils.files import write_text

CURVES_VERSION = 1
"""Version of curves.json; raise it when a key changes its meaning or is removed."""

DET_STEPS = 1000
MOST_BINS = 80
HARDEST = 20
MOST_ATTACKS = 40  # most attacks with a histogram each
PRIOR_LOG_ODDS = np.linspace(-8, 8, 81)


def _significant(values: Iterable[float], digits: int = 6) -> list[float]:
    """The values (N,) as plain numbers with this many digits."""
    return [float(f"{value:.{digits}g}") for value in values]


def _floor(scores: np.ndarray) -> float:
    """The place of a rate of 0 on a DET axis: below one trial of the class."""
    return 0.5 / (scores.size + 1)


def _det(bonafide: np.ndarray, spoof: np.ndarray) -> dict[str, Any]:
    """The DET curve as counts, and the EER in percent.

    On a DET plot the curve only goes down and right, so its length is the sum of both coordinates'
    changes. Of the corners within one step of that length, only the first is kept.
    """
    false_alarm, miss = det_curve(bonafide, spoof)
    length = probit(miss, _floor(bonafide)) - probit(false_alarm, _floor(spoof))
    step = np.floor(DET_STEPS * (length - length[0]) / (length[-1] - length[0]))
    keep = np.append(np.diff(step, prepend=-1)[:-1] > 0, True)
    return {
        "bonafide": bonafide.size,
        "spoof": spoof.size,
        "eer_percent": 100 * eer(bonafide, spoof)[0],
        "false_alarms": np.rint(false_alarm[keep] * spoof.size).astype(int).tolist(),
        "misses": np.rint(miss[keep] * bonafide.size).astype(int).tolist(),
    }


def _edges(*classes: np.ndarray) -> np.ndarray:
    """Edges of equal bins over the scores without outliers; fewer bins for few trials."""
    bins = int(np.clip(2 * np.sqrt(min(map(len, classes))), 12, MOST_BINS))
    quartiles = [np.quantile(scores, [0.25, 0.75]) for scores in classes]
    reach = 8 * max(high - low for low, high in quartiles)
    low = max(min(map(np.min, classes)), min(low for low, _ in quartiles) - reach)
    high = min(max(map(np.max, classes)), max(high for _, high in quartiles) + reach)
    margin = 0.5 if low == high else 0.0
    return np.linspace(low - margin, high + margin, bins + 1)


def _histogram(trials: Trials) -> dict[str, Any]:
    """Counts of both classes, and of each attack if there are few enough, on common edges.

    The first and the last bin also hold the scores beyond them.
    """
    edges = _edges(trials.bonafide, trials.spoof)

    def count(scores: np.ndarray) -> list[int]:
        return np.histogram(np.clip(scores, edges[0], edges[-1]), edges)[0].tolist()

    attacks = trials.spoof_attacks()
    shown = attacks if len(attacks) <= MOST_ATTACKS else []
    return {
        "edges": _significant(edges, 7),
        "bonafide": count(trials.bonafide),
        "spoof": count(trials.spoof),
        "attacks": {name: count(trials.scores[trials.spoofs_of({name})]) for name in shown},
    }


def _bayes_error(bonafide: np.ndarray, spoof: np.ndarray) -> dict[str, list[float]]:
    """Actual and minimum normalised DCF with unit costs, at each of `PRIOR_LOG_ODDS`.

    They equal `fad.evaluation.metrics.dcf.act_dcf` and `min_dcf`, but the trials are sorted only
    once for all priors.
    """
    false_alarm, miss = det_curve(bonafide, spoof)
    bonafide, spoof = np.sort(bonafide), np.sort(spoof)
    actual, minimum = [], []
    for log_odds in PRIOR_LOG_ODDS:
        costs = DcfCosts(p_spoof=1 / (1 + exp(log_odds)), c_miss=1.0, c_fa=1.0)
        p_miss = bonafide.searchsorted(costs.bayes_threshold) / bonafide.size
        p_fa = 1 - spoof.searchsorted(costs.bayes_threshold) / spoof.size
        actual.append(float(costs.normalised(p_miss, p_fa)))
        minimum.append(costs.normalised(miss, false_alarm).min())
    return {"actual": _significant(actual), "minimum": _significant(minimum)}


def _hardest(
    trials: Trials, of_class: np.ndarray, sign: int, paths: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The trials of a class, a mask (N,) bool, with the lowest scores times `sign`."""
    chosen = np.flatnonzero(of_class)
    chosen = chosen[np.argsort(sign * trials.scores[chosen], kind="stable")[:HARDEST]]
    rows = []
    for index in chosen:
        utt = str(trials.utts[index])
        row = {"utt": utt, "score": float(trials.scores[index]), "path": paths.get(utt)}
        for column in ("attack", "speaker"):
            values = trials.columns.get(column)
            row[column] = None if values is None else str(values[index])
        rows.append(row | {"attack": None if row["attack"] == NO_ATTACK else row["attack"]})
    return rows


def set_curves(
    trials: Trials,
    trained: Set[str] | None,
    calibrated_scores: np.ndarray | None,
    paths: Mapping[str, str],
) -> dict[str, Any]:
    """Everything that the plots of one set show.

    Args:
        trials: the scored trials, of one phase.
        trained: attacks in the training data; None where they are not known.
        calibrated_scores: (N,) log-likelihood ratios in nats of the same trials in the same order,
            None if there is no calibration.
        paths: of the audio by utterance, as in wav.scp; missing ones are left out.

    Returns:
        `det` by group of attacks (`all`, and if they occur `seen` and `unseen`), `histogram`,
        `bayes` (`prior_log_odds` of bona fide, `raw` and `calibrated`), `hardest` by class.

    Raises:
        ValueError: a class is empty, or a score is NaN or infinite.
    """
    groups = {"all": trials.spoof} | {
        name: trials.scores[trials.spoofs_of(attacks)]
        for name, attacks in split_by_training(trials, trained).items()
    }
    calibrated = None
    if calibrated_scores is not None:
        is_bonafide = trials.is_bonafide
        calibrated = _bayes_error(calibrated_scores[is_bonafide], calibrated_scores[~is_bonafide])
    return {
        "det": {name: _det(trials.bonafide, spoof) for name, spoof in groups.items()},
        "histogram": _histogram(trials),
        "bayes": {
            "prior_log_odds": _significant(PRIOR_LOG_ODDS),
            "raw": _bayes_error(trials.bonafide, trials.spoof),
            "calibrated": calibrated,
        },
        "hardest": {
            "bonafide": _hardest(trials, trials.is_bonafide, 1, paths),
            "spoof": _hardest(trials, ~trials.is_bonafide, -1, paths),
        },
    }


def write_curves(exp: ExperimentDir, test_sets: Mapping[str, Any]) -> None:
    """Writes `exp/<tag>/curves.json`: what `set_curves` returns, by set, a line each."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(found, separators=(',', ':'), allow_nan=False)}"
        for name, found in test_sets.items()
    ]
    text = ",\n".join(lines)
    write_text(exp.curves, f'{{"version": {CURVES_VERSION}, "test_sets": {{\n{text}\n}}}}\n')


def read_curves(exp: ExperimentDir) -> dict[str, Any] | None:
    """The sets' curves in `exp/<tag>/curves.json`; None where the file is not there.

    Raises:
        FadError: it is no JSON, of another version, or not what curves.schema.json says.
    """
    path = exp.curves
    if not path.is_file():
        return None
    sets = read_checked(path, "curves.schema.json", "version")["test_sets"]
    for name, found in sets.items():
        if not _fit_together(found):
            raise FadError(f"{path}: {name}: lists of one curve differ in length: {AGAIN}")
    return sets


def _fit_together(found: Mapping[str, Any]) -> bool:
    """Whether the lists of a set's plots have the lengths that belong together."""
    histogram, bayes = found["histogram"], found["bayes"]
    bins = [histogram["bonafide"], histogram["spoof"], *histogram["attacks"].values()]
    priors = [curve for kind in ("raw", "calibrated") for curve in (bayes[kind] or {}).values()]
    return (
        all(len(det["false_alarms"]) == len(det["misses"]) for det in found["det"].values())
        and {len(counts) + 1 for counts in bins} == {len(histogram["edges"])}
        and {len(curve) for curve in priors} == {len(bayes["prior_log_odds"])}
    )
