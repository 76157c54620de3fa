"""The rows of the tables that show the results of a set, in a terminal and in RESULTS.md alike."""

from collections.abc import Mapping
from typing import Any

Table = tuple[list[str], list[list[str]]]
Results = Mapping[str, Any]

SCHEMA_VERSION = 1
"""Of results.json; to be raised when a key changes its meaning or goes."""

POOLS = {"pooled": "all", "seen": "seen in training", "unseen": "unseen in training"}
COSTS = {
    "min_tdcf_2019": "min t-DCF, ASVspoof 2019",
    "min_tdcf_2021": "min t-DCF, ASVspoof 2021",
    "min_dcf": "minDCF, ASVspoof 5",
    "act_dcf": "actDCF, ASVspoof 5 *",
    "cllr_bits": "Cllr (bits) *",
}


def decimal(value: float | None, digits: int = 2) -> str:
    """A number with fixed digits, `-` where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def whole(value: float | None) -> str:
    """A whole number with commas, `-` where there is none."""
    return "-" if value is None else f"{value:,.0f}"


def interval(results: Results) -> str:
    """The interval of an EER in percent, such as `1.05 to 1.28`; `-` where there is none."""
    found = results.get("eer_interval")
    return "-" if not found else f"{found['low_percent']:.2f} to {found['high_percent']:.2f}"


def interval_basis(results: Results) -> str:
    """What an interval was drawn over, such as `48 speakers`; `-` where there is none."""
    found = results.get("eer_interval")
    return "-" if not found else f"{found['units']:,} {found['over']}"


def pools(results: Results) -> dict[str, Results]:
    """The results over all attacks and, where known, over seen and over unseen ones."""
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
            decimal(part["eer_threshold"], 5),
        ]
        for name, part in pools(results).items()
    ]
    return header, rows


def cost_table(results: Results, digits: int = 4) -> Table:
    """Those costs that the results have."""
    rows = [
        [title, decimal(results[key], digits)] for key, title in COSTS.items() if key in results
    ]
    return ["cost over all attacks", "value"], rows


def asv_sentence(results: Results) -> str:
    """The ASV system behind the t-DCF; empty where there is none."""
    asv = results.get("asv")
    if not asv:
        return ""
    return (
        f"ASV at its EER of {asv['eer_percent']:.6f} %: P_fa {asv['p_fa']:.10f}, "
        f"P_miss {asv['p_miss']:.10f}, P_miss,spoof {asv['p_miss_spoof']:.10f}."
    )


def attack_table(results: Results, digits: int = 2) -> Table:
    """EER of each attack's spoofs against all bona fide trials, with counts and interval."""
    header = ["attack", "spoof", "EER %", "95 % interval", "over"]
    rows = [
        [
            attack,
            whole(part["spoof"]),
            decimal(part["eer_percent"], digits),
            interval(part),
            interval_basis(part),
        ]
        for attack, part in results["by_attack"].items()
    ]
    seen = [part.get("seen_in_training") for part in results["by_attack"].values()]
    if None in seen:
        return header, rows
    header.insert(1, "in training")
    for row, is_seen in zip(rows, seen, strict=True):
        row.insert(1, "seen" if is_seen else "unseen")
    return header, rows
