"""Evaluates scored trials: a dictionary of results, ready for JSON.

Pooled: counts, EER with its interval, minDCF, actDCF, Cllr and min Cllr, AUC and, with ASV scores,
both min t-DCF; with a given threshold, accuracy. Then by attack and by every other column of the
trials (`fad.evaluation.results.breakdown`), over the attacks seen and not seen in training, and for
each phase. EERs are in percent; thresholds are in the unit of the scores; trials with a score above
the threshold are accepted as bona fide. `schema.json` describes every key.
"""

from collections.abc import Mapping, Set
from functools import partial
from typing import Any

import numpy as np

from fad.evaluation.metrics.attack_units import MIN_ATTACKS
from fad.evaluation.metrics.bootstrap import eer_interval
from fad.evaluation.metrics.bootstrap_units import MIN_SPEAKERS
from fad.evaluation.metrics.cllr import cllr, min_cllr
from fad.evaluation.metrics.dcf import act_dcf, min_dcf
from fad.evaluation.metrics.decisions import auc, decisions_at
from fad.evaluation.metrics.eer import eer
from fad.evaluation.metrics.tdcf import asv_rates, min_tdcf_2019, min_tdcf_2021
from fad.evaluation.metrics.ties import eer_organisers, tie_at_crossing
from fad.evaluation.results.breakdown import Measure, breakdowns, by_phase
from fad.evaluation.results.one_class import FixedThreshold, one_class_results
from fad.evaluation.trials.trials import Trials, choose_phase, of_phase
from fad.utils.errors import FadError

CALIBRATION_NOTE = "meaningful only for scores calibrated as log-likelihood ratios"
INVERTED = "are the scores inverted? Here higher must mean bona fide"
WORSE_THAN_CHANCE = (
    "worse than chance on this data: another domain than the training's, or too little training"
)

Results = dict[str, Any]


def evaluate(
    trials: Trials,
    asv_scores: Mapping[str, np.ndarray] | None = None,
    trained_attacks: Set[str] | None = None,
    threshold: float | None = None,
    resamples: int = 200,
    seed: int = 0,
    phase: str | None = None,
    one_class_threshold: FixedThreshold | None = None,
    sign_known: bool = False,
    draw_attacks: bool = False,
) -> Results:
    """All results of one set.

    Args:
        trials: the scored trials.
        asv_scores: ASV scores by kind (`fad.evaluation.trials.asv_scores.read_asv_scores`), for
            min t-DCF.
        trained_attacks: attacks in the training data; if given, attacks are marked as seen or not.
        threshold: for accuracy and similar metrics, chosen on other data; None leaves them out.
        resamples: number of bootstrap samples; 0 leaves the intervals out.
        seed: of the bootstrap.
        phase: the phase of the results (`fad.evaluation.trials.trials.choose_phase`).
        one_class_threshold: for trials of one class; by default `threshold`.
        sign_known: whether higher is bona fide for sure, as in scores of fad's own models.
        draw_attacks: whether bootstrap samples draw attacks too.

    Returns:
        A dictionary of plain numbers, strings, lists and dictionaries, without NaN.

    Raises:
        FadError: no such phase, or the ASV scores are unusable.
    """
    measure = partial(eer_results, resamples=resamples, seed=seed, draw_attacks=draw_attacks)
    chosen = choose_phase(trials, phase)
    without_interval = partial(eer_results, resamples=0, seed=seed)
    phases = by_phase(trials, without_interval)
    trials = of_phase(trials, chosen)
    of_phases = {} if chosen is None else {"phase": chosen, "phases": phases}
    if not trials.has_both_classes:
        if threshold is not None and one_class_threshold is None:
            one_class_threshold = FixedThreshold(threshold, "given")
        return one_class_results(trials, one_class_threshold, trained_attacks) | of_phases
    tandem, warnings = _tandem_results(trials, asv_scores)
    results = measure(trials) | _tie_results(trials) | _cost_results(trials) | tandem
    if threshold is not None:
        results["decisions"] = vars(decisions_at(trials.bonafide, trials.spoof, threshold))
    results |= of_phases | _by_training(trials, measure, trained_attacks)
    results["by"] = breakdowns(trials, measure, without_interval)
    if trained_attacks is not None and "attack" in results["by"]:
        for attack, part in results["by"]["attack"]["groups"].items():
            part["seen_in_training"] = attack in trained_attacks
    if draw_attacks and "attacks" not in results.get("eer_interval", {}).get("over", ""):
        warnings.append(f"no attacks are drawn: {MIN_ATTACKS} or more must be known")
    results["warnings"] = warnings + _warnings(trials, results, sign_known)
    return results


def eer_results(trials: Trials, resamples: int, seed: int, draw_attacks: bool = False) -> Results:
    """Counts, EER and, unless `resamples` is 0, its interval, for trials of both classes."""
    rate, threshold = eer(trials.bonafide, trials.spoof)
    results: Results = {
        "bonafide": trials.bonafide.size,
        "spoof": trials.spoof.size,
        "eer_percent": 100 * rate,
        "eer_threshold": threshold,
    }
    if not resamples:
        return results
    speakers = (None, None)
    if trials.speakers is not None:
        speakers = (trials.speakers[trials.is_bonafide], trials.speakers[~trials.is_bonafide])
    attacks = trials.attacks if draw_attacks else None
    interval = eer_interval(
        *(trials.bonafide, trials.spoof, *speakers),
        resamples=resamples,
        seed=seed,
        spoof_attacks=None if attacks is None else attacks[~trials.is_bonafide],
    )
    crossed = {} if interval.num_attacks is None else {"attacks": interval.num_attacks}
    results["eer_interval"] = {
        "low_percent": 100 * interval.low,
        "high_percent": 100 * interval.high,
        "level": interval.level,
        "over": f"{interval.unit}s" + (" and attacks" if crossed else ""),
        "units": interval.num_units,
        **crossed,
        "resamples": resamples,
        "seed": seed,
    }
    return results


def _tie_results(trials: Trials) -> Results:
    """The EER of the organisers' program, and the tie that makes it another one, if there is."""
    tie = tie_at_crossing(trials.bonafide, trials.spoof)
    results: Results = {
        "eer_organisers_percent": 100 * eer_organisers(trials.bonafide, trials.spoof)
    }
    if tie is None:
        return results
    return results | {
        "tie": {
            "score": tie.score,
            "trials": tie.trials,
            "share_percent": 100 * tie.share,
            "eer_low_percent": 100 * tie.low,
            "eer_high_percent": 100 * tie.high,
        }
    }


def tie_sentence(results: Results) -> str:
    """What a reader must know of a tie at the crossing of the error rates."""
    tie = results["tie"]
    return (
        f"{tie['trials']:,} trials ({tie['share_percent']:.2f} %) of both classes have the score "
        f"{tie['score']:g}, at which the error rates cross. No threshold separates them, so they "
        f"are one step: EER {results['eer_percent']:.3f} %. In other orders of these trials it is "
        f"{tie['eer_low_percent']:.3f} to {tie['eer_high_percent']:.3f} %; the organisers' program "
        f"gives {results['eer_organisers_percent']:.3f} %"
    )


def _cost_results(trials: Trials) -> Results:
    """Costs without a unit, Cllr in bits, AUC."""
    bonafide, spoof = trials.bonafide, trials.spoof
    return {
        "min_dcf": min_dcf(bonafide, spoof),
        "act_dcf": act_dcf(bonafide, spoof),
        "cllr_bits": cllr(bonafide, spoof),
        "min_cllr_bits": min_cllr(bonafide, spoof),
        "auc": auc(bonafide, spoof),
        "act_dcf_and_cllr_note": CALIBRATION_NOTE,
    }


def _tandem_results(
    trials: Trials, asv_scores: Mapping[str, np.ndarray] | None
) -> tuple[Results, list[str]]:
    """Both min t-DCF, with the reason if one is None, and the ASV system's rates.

    It is empty without ASV scores.

    Raises:
        FadError: the ASV scores lack a kind of trial or are not finite.
    """
    if asv_scores is None:
        return {}, []
    try:
        asv = asv_rates(**asv_scores)
    except ValueError as error:
        raise FadError(f"{trials.name}: {error}") from error
    results: Results = {}
    warnings: list[str] = []
    for name, metric in (("min_tdcf_2019", min_tdcf_2019), ("min_tdcf_2021", min_tdcf_2021)):
        try:
            results[name] = metric(trials.bonafide, trials.spoof, asv)
        except ValueError as error:
            results[name] = None
            warnings.append(f"no {name}: {error}")
    results["asv"] = {
        "eer_percent": 100 * asv.eer,
        "threshold": asv.threshold,
        "p_fa": asv.p_fa,
        "p_miss": asv.p_miss,
        "p_miss_spoof": asv.p_miss_spoof,
    }
    return results, warnings


def split_by_training(trials: Trials, trained: Set[str] | None) -> dict[str, set[str]]:
    """The set's attacks that training saw (`seen`) and did not (`unseen`); no empty group.

    Nothing where it is not known what training saw.
    """
    if trained is None:
        return {}
    attacks = set(trials.spoof_attacks())
    groups = {"seen": attacks & trained, "unseen": attacks - trained}
    return {name: group for name, group in groups.items() if group}


def _by_training(trials: Trials, measure: Measure, trained: Set[str] | None) -> Results:
    results: Results = {}
    for name, attacks in split_by_training(trials, trained).items():
        group = trials.subset(trials.is_bonafide | trials.spoofs_of(attacks))
        results[name] = measure(group) | {"attacks": sorted(attacks)}
    return results


def _warnings(trials: Trials, results: Results, sign_known: bool) -> list[str]:
    warnings = [tie_sentence(results)] if "tie" in results else []
    if results["eer_percent"] > 50 and sign_known:
        warnings.append(f"EER above 50 %: {WORSE_THAN_CHANCE}")
    elif results["eer_percent"] > 50:
        flipped, _ = eer(-trials.bonafide, -trials.spoof)
        warnings.append(
            f"EER above 50 %: {INVERTED} (negated, these have an EER of {100 * flipped:.2f} %)"
        )
    speakers = trials.speakers
    if speakers is not None and _resampled_trials_of_speakers(speakers, results):
        warnings.append(
            f"the interval is over trials and too narrow: a class has under {MIN_SPEAKERS} speakers"
        )
    if np.unique(trials.scores).size == 1:
        warnings.append("all scores are equal: they carry no information")
    return warnings


def _resampled_trials_of_speakers(speakers: np.ndarray, results: Results) -> bool:
    """Whether trials were resampled although speakers have several: they were too few."""
    over = results.get("eer_interval", {}).get("over")
    return over in ("trials", "trials and attacks") and np.unique(speakers).size < speakers.size
