"""Results of spoofing-aware speaker verification (SASV), from one score or a tandem's two.

From the SASV score, which decides by itself: min a-DCF, a-DCF at a threshold, and the three EERs.
From the scores of a countermeasure (CM) and a speaker verifier (ASV) in tandem: t-EER, and min
t-DCF of ASVspoof 2021 with that ASV at the threshold of its own EER. (The evaluation package of
ASVspoof 5 uses the organisers' ASV for the t-DCF, so it prints another value.)
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
from fad.evaluation.sasv.files import KINDS, SasvTrials
from fad.evaluation.sasv.teer import concurrent_teer
from fad.utils.errors import FadError

T = TypeVar("T")
MAX_SPREAD = 0.01
"""The largest spread of the three error rates at the t-EER without a warning."""


def _system_results(trials: SasvTrials, threshold: float | None) -> dict[str, Any]:
    """Results of one score that decides by itself."""
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
    """A metric; if it is not defined, None, and the reason is added to the warnings."""
    try:
        return metric(*args)
    except ValueError as error:
        warnings.append(str(error))
        return None


def _tandem_results(trials: SasvTrials, warnings: list[str]) -> dict[str, Any]:
    """Results of a CM and an ASV in tandem."""
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


def _result_warnings(results: dict[str, Any]) -> list[str]:
    """Warnings about results that are defined but look wrong."""
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
        trials: with the SASV score, or with the scores of CM and ASV, or with all three.
        threshold: of the SASV score, for the a-DCF at this threshold.

    Returns:
        A dictionary of plain numbers, strings, lists and dictionaries, without NaN. A t-EER or
        t-DCF that is not defined is None, with the reason among the warnings.

    Raises:
        FadError: the scores given do not suffice, or the threshold is no finite number.
    """
    has_system, has_tandem = "sasv" in trials.scores, {"cm", "asv"} <= trials.scores.keys()
    if not has_system and not has_tandem:
        raise FadError(f"{trials.name}: give sasv-score, or cm-score and asv-score, or all three")
    if threshold is not None and not has_system:
        raise FadError(f"{trials.name}: --threshold is for sasv-score, which the file lacks")
    results: dict[str, Any] = {kind: int((trials.kinds == kind).sum()) for kind in KINDS}
    warnings: list[str] = []
    if has_system:
        results |= _system_results(trials, threshold)
    if has_tandem:
        results |= _tandem_results(trials, warnings)
    return results | {"warnings": warnings + _result_warnings(results)}


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
