"""From scores and labels to a dictionary of results, ready for JSON.

Pooled: counts, EER with its interval, minDCF, actDCF, Cllr and, with ASV scores, both min t-DCF.
By attack, and pooled over the attacks that training saw and over those it did not: the EER of
these spoofs against all bona fide trials, as the field does. EERs are in percent; thresholds are
in the unit of the scores; trials with a score above the threshold are accepted as bona fide.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fad.data.tables import NO_ATTACK, check_same_keys
from fad.errors import FadError
from fad.metrics.bootstrap import eer_interval
from fad.metrics.cllr import cllr
from fad.metrics.dcf import act_dcf, min_dcf
from fad.metrics.eer import eer
from fad.metrics.tdcf import AsvRates, asv_rates, min_tdcf_2019, min_tdcf_2021

CALIBRATION_NOTE = "meaningful only for scores calibrated as log-likelihood ratios"
INVERTED = "the sign looks inverted: fad's scores are higher for bona fide"


@dataclass(frozen=True)
class Trials:
    """The trials of one set, as vectors of one length N.

    Attributes:
        name: where they come from, for messages.
        scores: (N,) float, higher is more bona fide.
        is_bonafide: (N,) bool.
        attacks: (N,) names of attacks, None where they are not known.
        speakers: (N,) names of speakers, None where they are not known.
    """

    name: str
    scores: np.ndarray
    is_bonafide: np.ndarray
    attacks: np.ndarray | None = None
    speakers: np.ndarray | None = None

    @property
    def bonafide(self) -> np.ndarray:
        """Scores of the bona fide trials."""
        return self.scores[self.is_bonafide]

    def spoofs_of(self, attacks: Set[str]) -> np.ndarray:
        """(N,) bool, the spoofed trials of these attacks."""
        return ~self.is_bonafide & np.isin(self.attacks, sorted(attacks))

    def spoof_attacks(self) -> list[str]:
        """Names of the attacks that the spoofs have, sorted; none where they are not known."""
        if self.attacks is None:
            return []
        return sorted(set(self.attacks[~self.is_bonafide].tolist()) - {NO_ATTACK})


def make_trials(
    name: str,
    scores: Mapping[str, float],
    labels: Mapping[str, str],
    attacks: Mapping[str, str] | None = None,
    speakers: Mapping[str, str] | None = None,
    files: Mapping[str, str | Path | None] | None = None,
) -> Trials:
    """Joins tables by utterance.

    Args:
        name: where the scores come from, for messages.
        scores: score by utterance.
        labels: `bonafide` or `spoof` by utterance.
        attacks: attack by utterance; what it says of bona fide trials is not used.
        speakers: speaker by utterance.
        files: where the `labels`, `attacks` and `speakers` come from, for messages.

    Raises:
        FadError: the tables have not the same utterances, or one class has no trial.
    """
    tables = {"labels": labels, "attacks": attacks, "speakers": speakers}
    named = {
        str((files or {}).get(kind) or f"the {kind} of {name}"): table
        for kind, table in tables.items()
        if table is not None
    }
    try:
        check_same_keys({name: scores} | named)
    except FadError as error:
        raise FadError(f"{error}: score exactly the trials that the labels name") from error
    utts = sorted(scores)

    def column(table: Mapping[str, str] | None) -> np.ndarray | None:
        return None if table is None else np.array([table[utt] for utt in utts])

    is_bonafide = column(labels) == "bonafide"
    for kind, count in (("bona fide", is_bonafide.sum()), ("spoofed", (~is_bonafide).sum())):
        if not count:
            raise FadError(f"{name}: no {kind} trial: error rates need trials of both classes")
    values = np.array([scores[utt] for utt in utts], dtype=np.float64)
    return Trials(name, values, is_bonafide, column(attacks), column(speakers))


def _eer_results(trials: Trials, spoofs: np.ndarray, resamples: int, seed: int) -> dict[str, Any]:
    """Counts, EER and interval of some spoofs (N,) bool against all bona fide trials."""
    bonafide, spoof = trials.bonafide, trials.scores[spoofs]
    rate, threshold = eer(bonafide, spoof)
    results = {
        "bonafide": bonafide.size,
        "spoof": spoof.size,
        "eer_percent": 100 * rate,
        "eer_threshold": threshold,
    }
    if not resamples:
        return results
    speakers = (None, None)
    if trials.speakers is not None:
        speakers = (trials.speakers[trials.is_bonafide], trials.speakers[spoofs])
    interval = eer_interval(bonafide, spoof, *speakers, resamples=resamples, seed=seed)
    results["eer_interval"] = {
        "low_percent": 100 * interval.low,
        "high_percent": 100 * interval.high,
        "level": interval.level,
        "over": f"{interval.unit}s",
        "units": interval.num_units,
        "resamples": resamples,
        "seed": seed,
    }
    return results


def _cost_results(trials: Trials, asv: AsvRates | None) -> dict[str, Any]:
    """minDCF, actDCF, Cllr and, with an ASV system, its rates and both min t-DCF."""
    bonafide, spoof = trials.bonafide, trials.scores[~trials.is_bonafide]
    results: dict[str, Any] = {
        "min_dcf": min_dcf(bonafide, spoof),
        "act_dcf": act_dcf(bonafide, spoof),
        "cllr_bits": cllr(bonafide, spoof),
        "act_dcf_and_cllr_note": CALIBRATION_NOTE,
    }
    if asv is None:
        return results
    return results | {
        "min_tdcf_2019": min_tdcf_2019(bonafide, spoof, asv),
        "min_tdcf_2021": min_tdcf_2021(bonafide, spoof, asv),
        "asv": {
            "eer_percent": 100 * asv.eer,
            "threshold": asv.threshold,
            "p_fa": asv.p_fa,
            "p_miss": asv.p_miss,
            "p_miss_spoof": asv.p_miss_spoof,
        },
    }


def split_by_training(trials: Trials, trained: Set[str]) -> dict[str, set[str]]:
    """The set's attacks that training saw (`seen`) and did not (`unseen`); no empty group."""
    attacks = set(trials.spoof_attacks())
    groups = {"seen": attacks & trained, "unseen": attacks - trained}
    return {name: group for name, group in groups.items() if group}


def evaluate(
    trials: Trials,
    asv_scores: Mapping[str, np.ndarray] | None = None,
    trained_attacks: Set[str] | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> dict[str, Any]:
    """All results of one set.

    Args:
        trials: the scored trials.
        asv_scores: ASV scores by kind (`fad.report.scores.read_asv_scores`), for min t-DCF.
        trained_attacks: attacks in the training data; where given, attacks are marked as seen or
            not.
        resamples: draws of the bootstrap; 0 leaves the intervals out.
        seed: of the bootstrap.

    Returns:
        A dictionary of plain numbers, strings, lists and dictionaries, without NaN.

    Raises:
        FadError: no t-DCF is defined for these ASV scores.
    """
    try:
        asv = asv_rates(**asv_scores) if asv_scores is not None else None
        costs = _cost_results(trials, asv)
    except ValueError as error:
        raise FadError(f"{trials.name}: {error}") from error
    results = _eer_results(trials, ~trials.is_bonafide, resamples, seed) | costs

    groups = {} if trained_attacks is None else split_by_training(trials, trained_attacks)
    for name, attacks in groups.items():
        results[name] = _eer_results(trials, trials.spoofs_of(attacks), resamples, seed)
        results[name]["attacks"] = sorted(attacks)
    results["by_attack"] = {}
    for attack in trials.spoof_attacks():
        found = _eer_results(trials, trials.spoofs_of({attack}), resamples, seed)
        if trained_attacks is not None:
            found["seen_in_training"] = attack in trained_attacks
        results["by_attack"][attack] = found
    inverted = results["eer_percent"] > 50
    results["warnings"] = [f"EER above 50 %: {INVERTED}"] if inverted else []
    return results
