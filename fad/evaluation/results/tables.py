"""Tables of a set's results, for the terminal and for RESULTS.md."""

from collections.abc import Mapping
from typing import Any

Table = tuple[list[str], list[list[str]]]
Results = Mapping[str, Any]

SCHEMA_VERSION = 3
"""Of results.json; to be raised when a key changes its meaning or goes."""

POOLS = {"pooled": "all", "seen": "seen in training", "unseen": "unseen in training"}
COSTS = {
    "min_tdcf_2019": "min t-DCF, ASVspoof 2019",
    "min_tdcf_2021": "min t-DCF, ASVspoof 2021",
    "min_dcf": "minDCF, ASVspoof 5",
    "act_dcf": "actDCF, ASVspoof 5 *",
    "cllr_bits": "Cllr (bits) *",
    "min_cllr_bits": "min Cllr (bits)",
    "auc": "AUC (area under the ROC)",
}
DECISIONS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1 of the spoofs",
    "p_miss": "P_miss (bona fide rejected)",
    "p_fa": "P_fa (spoofs accepted)",
}


def decimal(value: float | None, digits: int = 2) -> str:
    """A number with fixed digits; `-` for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def whole(value: float | None) -> str:
    """A whole number with commas; `-` for None."""
    return "-" if value is None else f"{value:,.0f}"


def counted(number: int, noun: str) -> str:
    """A number of things, such as `1 epoch` or `1,200 epochs`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def interval(results: Results) -> str:
    """The interval of an EER in percent, such as `1.05 to 1.28`; `-` if there is none."""
    found = results.get("eer_interval")
    return "-" if not found else f"{found['low_percent']:.2f} to {found['high_percent']:.2f}"


def interval_basis(results: Results) -> str:
    """The resampling units of an interval, such as `48 speakers`; `-` if there is none."""
    found = results.get("eer_interval")
    if not found:
        return "-"
    return f"{found['units']:,} {found['over']}".replace(
        "attacks", f"{found.get('attacks')} attacks"
    )


def pools(results: Results) -> dict[str, Results]:
    """The results over all attacks and, if known, over seen and over unseen ones."""
    parts = {"pooled": results, "seen": results.get("seen"), "unseen": results.get("unseen")}
    return {name: part for name, part in parts.items() if part}


def error_table(results: Results, digits: int = 2) -> Table:
    """EER over all, seen and unseen attacks, with counts, interval and threshold."""
    header = ["attacks", "bona fide", "spoof", "EER %", "95 % interval", "over", "threshold"]
    rows = [
        [
            POOLS[name],
            whole(part["bonafide"]),
            whole(part["spoof"]),
            decimal(part["eer_percent"], digits),
            interval(part),
            interval_basis(part),
            f"{part['eer_threshold']:.6g}",
        ]
        for name, part in pools(results).items()
    ]
    return header, rows


def cost_table(results: Results, digits: int = 4) -> Table:
    """The costs in the results."""
    rows = [
        [title, decimal(results[key], digits)] for key, title in COSTS.items() if key in results
    ]
    return ["cost over all attacks", "value"], rows


def decision_table(results: Results, digits: int = 4) -> Table:
    """Accuracy, F1 and error rates of the decisions at the given threshold."""
    found = results["decisions"]
    rows = [[title, decimal(found[key], digits)] for key, title in DECISIONS.items()]
    return [f"decisions at {found['threshold']:g}", "value"], rows


def calibrated_table(results: Results, digits: int = 4) -> Table:
    """Costs of the raw scores and of the log-likelihood ratios, beside the lowest possible."""
    calibrated = results["calibrated"]
    header = ["cost", "raw scores", "calibrated on dev", "at best"]
    keys = {
        "Cllr (bits)": ("cllr_bits", "min_cllr_bits"),
        "DCF, ASVspoof 5": ("act_dcf", "min_dcf"),
    }
    rows = [
        [
            title,
            *(decimal(value, digits) for value in (results[key], calibrated[key], results[best])),
        ]
        for title, (key, best) in keys.items()
    ]
    return header, rows


def calibrated_sentence(results: Results) -> str:
    """The calibration, and the error rates of its decisions, in a sentence."""
    found = results["calibrated"]
    decisions = found["decisions"]
    return (
        f"llr = {found['scale']:.4g} score {found['offset']:+.4g} (nats). Accepting above the "
        f"Bayes threshold of {found['bayes_threshold']:.3f} (P_spoof 0.05, C_miss 1, C_fa 10): "
        f"misses {100 * decisions['p_miss']:.2f} %, false alarms {100 * decisions['p_fa']:.2f} %, "
        f"balanced accuracy {100 * decisions['balanced_accuracy']:.2f} %, F1 of spoofs "
        f"{100 * decisions['f1']:.2f} %."
    )


def asv_sentence(results: Results) -> str:
    """The ASV system of the t-DCF in a sentence; empty if there is none."""
    asv = results.get("asv")
    if not asv:
        return ""
    return (
        f"ASV at its EER of {asv['eer_percent']:.6f} %: P_fa {asv['p_fa']:.10f}, "
        f"P_miss {asv['p_miss']:.10f}, P_miss,spoof {asv['p_miss_spoof']:.10f}."
    )


def group_table(results: Results, name: str, digits: int = 2) -> Table:
    """EER by the values of a column, with counts and interval; last their macro-average."""
    found = results["by"][name]
    groups = found["groups"]
    of_one_class = any("right_percent" in part for part in groups.values())
    value_name = "right decisions %" if of_one_class else "EER %"
    key = "right_percent" if of_one_class else "eer_percent"
    header = [name, "bona fide", "spoof", value_name, "95 % interval", "over"]
    rows = [
        [
            value,
            whole(part["bonafide"]),
            whole(part["spoof"]),
            "too few" if _is_too_few(part) else decimal(part[key], digits),
            interval(part),
            interval_basis(part),
        ]
        for value, part in groups.items()
    ]
    seen = [part.get("seen_in_training") for part in groups.values()]
    marked = None not in seen
    if marked:
        header.insert(1, "in training")
        for row, is_seen in zip(rows, seen, strict=True):
            row.insert(1, "seen" if is_seen else "unseen")
    if found["unknown"]:
        rows.append(["not known", *["-"] * (1 + marked), whole(found["unknown"]), "-", "-", "-"])
    if of_one_class:
        return header, rows
    average = decimal(found["macro_eer_percent"], digits)
    rows.append(["macro-average", *["-"] * (2 + marked), average, "-", "-"])
    return header, rows


def _is_too_few(part: Results) -> bool:
    """Whether a group has trials of both classes and no EER, since they are too few."""
    has_both = part["bonafide"] and part["spoof"]
    return bool(has_both) and part.get("eer_percent", 0) is None


def phase_table(results: Results, digits: int = 2) -> Table:
    """Counts and EER of each single phase; the phase of the results is marked."""
    header = ["phase", "bona fide", "spoof", "EER %", "results of"]
    rows = [
        [
            phase,
            whole(part["bonafide"]),
            whole(part["spoof"]),
            decimal(part["eer_percent"], digits),
            "this phase" if phase == results["phase"] else "",
        ]
        for phase, part in results["phases"].items()
    ]
    return header, rows
