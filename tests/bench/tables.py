"""The tables of results.json, for a terminal and for the docs."""

from collections.abc import Callable
from typing import Any

from fad.evaluation.results.text import Rows, markdown_table, terminal_table
from tests.bench.contenders import GROUPS
from tests.bench.ratios import RATIOS

Table = tuple[str, list[str], Rows]


def times(value: dict[str, float]) -> str:
    """The median and, in brackets, smallest and largest."""
    return f"{value['median']:.2f} ({value['min']:.2f}-{value['max']:.2f})"


def group_table(name: str, contenders: dict[str, Any]) -> Table:
    """A group: seconds a clip and peak memory."""
    header = ["contender", "s a clip", "peak MiB", "built MiB"]
    rows = [
        [
            contender,
            times(found["seconds_a_clip"]),
            f"{found['peak_mib']:,.0f}",
            f"{found['built_mib']:,.0f}",
        ]
        for contender, found in contenders.items()
    ]
    return GROUPS[name].title, header, rows


def ratio_table(results: dict[str, Any]) -> Table:
    """All ratios that were measured, beside their targets."""
    header = ["ratio", "median", "min", "max", "target", "met"]
    rows = []
    for name, ratio in RATIOS.items():
        if name in results["ratios"]:
            median, (low, high) = results["ratios"][name], results["spread"][name]
            met = "-" if ratio.target is None else "yes" if median <= ratio.target else "NO"
            target = "-" if ratio.target is None else f"{ratio.target:.2f}"
            rows.append([name, f"{median:.3f}", f"{low:.3f}", f"{high:.3f}", target, met])
    return "Ratios: medians over rounds of the quotient within a round", header, rows


def rendered(results: dict[str, Any], table: Callable[[list[str], Rows], str]) -> str:
    """All tables, by `terminal_table` or `markdown_table`, under a line about the machine."""
    found = results["machine"]
    libraries = ", ".join(f"{name} {number}" for name, number in found["libraries"].items())
    about = f"{found['cpu']}, {found['threads']} threads; {libraries}; {found['date'][:10]}"
    groups = [group_table(name, part) for name, part in results["contenders"].items()]
    parts = [about]
    for title, header, rows in [*groups, ratio_table(results)]:
        if rows:
            parts.append(f"{title}:\n\n{table(header, rows)}")
    return "\n\n".join(parts) + "\n"


def terminal(results: dict[str, Any]) -> str:
    """For a terminal."""
    return rendered(results, terminal_table)


def markdown(results: dict[str, Any]) -> str:
    """For the docs."""
    return rendered(results, markdown_table)
