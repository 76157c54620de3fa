"""Results of spoofing-aware speaker verification (SASV): a system's score, or a tandem's two.

From the SASV score, which decides alone: min a-DCF, a-DCF at a threshold, and the three EERs. From
the scores of a countermeasure (CM) and a speaker verifier (ASV) in tandem: t-EER, and min t-DCF of
ASVspoof 2021 with that ASV at the threshold of its own EER. (The evaluation package of ASVspoof 5
fixes the ASV of the t-DCF to the organisers' own, so the value that it prints is another.)
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np

from fad.evaluation.metrics.tdcf import asv_rates, min_tdcf_2021
from fad.evaluation.results.tables import Table, asv_sentence, decimal, whole
from fad.evaluation.results.text import terminal_table
from fad.evaluation.sasv.adcf import adcf_at, min_adcf
from fad.evaluation.sasv.eer import sasv_eers
from fad.evaluation.sasv.files import SasvTrials
from fad.evaluation.sasv.teer import concurrent_teer
from fad.utils.errors import FadError

T = TypeVar("T")
MAX_SPREAD = 0.01
"""How far apart the three error rates at the t-EER may lie before a warning says so."""


def _system_results(trials: SasvTrials, threshold: float | None) -> dict[str, Any]:
    """What one score that decides alone is worth."""
    scores = trials.of("sasv")
    minimum, best = min_adcf(**scores)
    rates = sasv_eers(**scores)
    results = {
        "min_adcf": minimum,
        "min_adcf_threshold": best,
        "sasv_eer_percent": 100 * rates.sasv,
        "sv_eer_percent": 100 * rates.sv,
        "spf_eer_percent": 100 * rates.spf,
    }
    if threshold is not None:
        try:
            results["adcf"] = adcf_at(**scores, threshold=threshold)
        except ValueError as error:
            raise FadError(f"--threshold: {error}") from error
        results["adcf_threshold"] = threshold
    return results


def _unless_undefined(warnings: list[str], metric: Callable[..., T], *args: Any) -> T | None:
    """A metric; None, and the reason among the warnings, where it is not defined."""
    try:
        return metric(*args)
    except ValueError as error:
        warnings.append(str(error))
        return None


def _tandem_results(trials: SasvTrials, warnings: list[str]) -> dict[str, Any]:
    """What a CM and an ASV are worth together."""
    cm, asv = trials.of("cm"), trials.of("asv")
    cm_scores = np.concatenate([cm["target"], cm["nontarget"]]), cm["spoof"]
    rates = asv_rates(**asv)
    point = _unless_undefined(warnings, concurrent_teer, *cm_scores, *asv.values())
    as_found = asdict(rates)
    return {
        "teer_percent": point and 100 * point.rate,
        "teer": point and asdict(point) | {"spread": point.spread},
        "min_tdcf_2021": _unless_undefined(warnings, min_tdcf_2021, *cm_scores, rates),
        "asv": {"eer_percent": 100 * as_found.pop("eer")} | as_found,
    }


def _suspicions(results: dict[str, Any]) -> list[str]:
    """What looks wrong about results that are all defined."""
    found = []
    if results.get("sasv_eer_percent", 0) > 50:
        found.append("SASV-EER above 50 %: is the sign inverted? Scores are higher for targets")
    point = results.get("teer")
    if point and point["spread"] > MAX_SPREAD:
        rates = ", ".join(f"{100 * point[name]:.2f}" for name in ("p_miss", "p_fa", "p_fa_spoof"))
        found.append(
            "the tandem has no point where its miss, false alarm and spoof false alarm rates are "
            f"equal (nearest: {rates} %): its t-EER says little"
        )
    return found


def evaluate_sasv(trials: SasvTrials, threshold: float | None = None) -> dict[str, Any]:
    """All results of one set of trials.

    Args:
        trials: with the SASV score, or with those of CM and ASV, or all three.
        threshold: of the SASV score, for the a-DCF at it.

    Returns:
        A dictionary of plain numbers, strings, lists and dictionaries, without NaN; None where the
        t-EER or the t-DCF is not defined, with the reason among the warnings.

    Raises:
        FadError: the scores that are there are of no use, or the threshold is no finite number.
    """
    has_system, has_tandem = "sasv" in trials.scores, {"cm", "asv"} <= trials.scores.keys()
    if not has_system and not has_tandem:
        raise FadError(f"{trials.name}: give sasv-score, or cm-score and asv-score, or all three")
    if threshold is not None and not has_system:
        raise FadError(f"{trials.name}: --threshold is for sasv-score, which the file has not")
    results: dict[str, Any] = {
        kind: scores.size for kind, scores in trials.of(next(iter(trials.scores))).items()
    }
    warnings: list[str] = []
    if has_system:
        results |= _system_results(trials, threshold)
    if has_tandem:
        results |= _tandem_results(trials, warnings)
    return results | {"warnings": warnings + _suspicions(results)}


def _system_table(results: dict[str, Any]) -> Table:
    rows = [
        ["min a-DCF", decimal(results["min_adcf"], 6), decimal(results["min_adcf_threshold"], 5)]
    ]
    if "adcf" in results:
        at = decimal(results["adcf_threshold"], 5)
        rows.append(["a-DCF", decimal(results["adcf"], 6), at])
    for name in ("SASV", "SV", "SPF"):
        rows.append([f"{name}-EER %", decimal(results[f"{name.lower()}_eer_percent"], 6), "-"])
    return ["SASV score", "value", "threshold"], rows


def _tandem_table(results: dict[str, Any]) -> Table:
    point = results["teer"] or {"cm_threshold": None, "asv_threshold": None}
    teer = [results["teer_percent"], point["cm_threshold"], point["asv_threshold"]]
    tdcf = [results["min_tdcf_2021"], None, results["asv"]["threshold"]]
    return ["CM and ASV in tandem", "value", "CM threshold", "ASV threshold"], [
        [title, decimal(value, 6), decimal(cm, 5), decimal(asv, 5)]
        for title, (value, cm, asv) in (("t-EER %", teer), ("min t-DCF, ASVspoof 2021", tdcf))
    ]


def as_text(name: str, results: dict[str, Any]) -> str:
    """The results as tables with six digits."""
    counts = ", ".join(
        f"{whole(results[kind])} {kind}" for kind in ("target", "nontarget", "spoof")
    )
    parts = [f"{name}: {counts} trials (higher score = target; accepted above the threshold)"]
    if "min_adcf" in results:
        parts.append(terminal_table(*_system_table(results)))
    if "asv" in results:
        parts.append(terminal_table(*_tandem_table(results)) + f"\n{asv_sentence(results)}")
    return "\n\n".join(parts)
