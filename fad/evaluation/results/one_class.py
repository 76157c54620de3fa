"""Results of a set of one class, such as MLAAD, which has only spoofs.

Error rates, costs and AUC need both classes. What such a set tells is how many of its trials are
decided rightly at a threshold that was chosen on other data.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from fad.evaluation.calibration.model import Calibration
from fad.evaluation.results.breakdown import MAX_GROUPS, NOT_GROUPS
from fad.evaluation.trials.trials import UNKNOWN, Trials

Results = dict[str, Any]
NO_OTHERS = "no trials of the other class"
WORDS = {
    "bonafide": ("bona fide", "spoofed", "accepted"),
    "spoof": ("spoofed", "bona fide", "rejected"),
}
"""By class: its name, the other's, and what is right."""


@dataclass(frozen=True)
class FixedThreshold:
    """A threshold that was chosen on other data.

    Attributes:
        value: in the unit of the scores; a trial above it is accepted as bona fide.
        source: for readers.
    """

    value: float
    source: str


def dev_threshold(calibration: Calibration | None) -> FixedThreshold | None:
    """The score whose log-likelihood ratio is 0; None without a calibration that orders scores."""
    if calibration is None or calibration.weights[0] <= 0:
        return None
    value = -calibration.offset / calibration.weights[0]
    return FixedThreshold(value, "log-likelihood ratio 0, calibrated on dev")


def one_class_results(
    trials: Trials, threshold: FixedThreshold | None, trained_attacks: Set[str] | None
) -> Results:
    """Counts, and the share of right decisions in percent, of all trials and by column.

    Args:
        trials: trials of one class.
        threshold: None leaves the shares out.
        trained_attacks: attacks in the training data; if given, attacks are marked as seen or not.
    """
    label = "spoof" if trials.spoof.size else "bonafide"
    return _counts(trials, threshold) | {
        "one_class": {
            "class": label,
            "threshold": threshold and threshold.value,
            "threshold_source": threshold and threshold.source,
        },
        "by": {
            name: _breakdown(trials, name, threshold, trained_attacks)
            for name in sorted(trials.columns, key=lambda name: (name != "attack", name))
            if _divides(trials, name)
        },
        "warnings": [],
    }


def one_class_sentence(results: Mapping[str, Any]) -> str:
    """What is missing and why, and what stands in its place."""
    label = results["one_class"]["class"]
    name, other, right = WORDS[label]
    start = f"There are no {other} trials: EER, costs, Cllr and AUC need both classes."
    if results["right_percent"] is None:
        return (
            f"{start} How many of the {results[label]:,} {name} trials are {right} needs a "
            "threshold from other data: a calibration on dev (stage 4), or --threshold."
        )
    threshold = results["one_class"]["threshold"]
    return (
        f"{start} {results['right_percent']:.2f} % of the {results[label]:,} {name} trials are "
        f"{right} at the threshold {threshold:.6g} ({results['one_class']['threshold_source']})."
    )


def _counts(trials: Trials, threshold: FixedThreshold | None) -> Results:
    return {
        "bonafide": trials.bonafide.size,
        "spoof": trials.spoof.size,
        "eer_percent": None,
        "right_percent": None if threshold is None else _right_percent(trials, threshold.value),
    }


def _right_percent(trials: Trials, threshold: float) -> float:
    return 100 * float(np.mean((trials.scores > threshold) == trials.is_bonafide))


def _divides(trials: Trials, name: str) -> bool:
    """Whether a column has groups that say something."""
    if name in NOT_GROUPS:
        return False
    number = len(set(_values(trials, name)))
    return 0 < number <= MAX_GROUPS and (number > 1 or name == "attack")


def _values(trials: Trials, name: str) -> Iterator[str]:
    return (value for value in trials.columns[name].tolist() if value != UNKNOWN)


def _breakdown(
    trials: Trials, name: str, threshold: FixedThreshold | None, trained: Set[str] | None
) -> Results:
    column = trials.columns[name]
    groups = {
        value: _counts(trials.subset(column == value), threshold)
        for value in sorted(set(_values(trials, name)))
    }
    if name == "attack" and trained is not None:
        for attack, part in groups.items():
            part["seen_in_training"] = attack in trained
    return {
        "against": NO_OTHERS,
        "unknown": int(np.count_nonzero(column == UNKNOWN)),
        "macro_eer_percent": None,
        "groups": groups,
    }
