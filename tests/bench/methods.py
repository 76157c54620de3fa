"""Every method of conf/ at the shape of XLS-R 300M: steps, memory, and what a score costs.

    python -m tests.bench.methods [--pretrained xlsr2_300m.pt] [--methods lora full ...]

By hand, on a quiet machine: about 25 minutes. Each method trains on 2 clips of 4 s, from audio and,
where something of the encoder is frozen, from what stage 2 can store of it; it takes 2 steps after
one that is not counted. Then it scores one such clip as stage 4 does. Each of these is a process of
its own, alone. The numbers go to tests/bench/results.json, the table of all that are in it to
methods.md beside it, method by method: with --methods it goes on where it was broken off.
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from fad.config import shipped
from fad.config.resolve import load_config
from fad.encoders.checkpoint import pretrained_sha256
from fad.evaluation.results.text import markdown_table, terminal_table
from fad.models.detector import build_detector, write_weights
from fad.utils.cli import run
from fad.utils.errors import FadError
from fad.utils.files import write_text
from fad.utils.git import CODE
from fad.utils.progress import progress
from tests.bench import results
from tests.bench.method_steps import BATCH, KINDS, SAMPLES, STEPS
from tests.bench.rivals import check_memory, pretrained_file

MOST_MIB = 9000  # full tuning
RATE = 16000  # Hz
CAPTION = """\
# What each method takes at XLS-R 300M

Random weights, float32. A step is of {batch} clips of {length:.2f} s, the median of {steps} after
one that does not count: from audio, and from what stage 2 can store. A score is of one such clip,
as stage 4 gives it: merged where the method can be; GFLOP are 10^9 operations of its products. MiB
is the peak of a process that does nothing else. `python -m tests.bench.methods`, {cpu}, {threads}
threads, torch {torch}, commit {commit}.
"""
HEADER = ("method", "s a step", "MiB", "s from stored", "MiB", "s a score", "MiB", "GFLOP a score")
# A stochastic model's dial; it is the one method that has one.
DIAL = {"stochastic": ("score@2", "score@4")}


def kinds_of(method: str) -> tuple[str, ...]:
    """What is measured of a method."""
    return (*KINDS, *DIAL.get(method, ()))


def pela_factors(pretrained: str, folder: Path) -> str:
    """Starts PELA once for all its processes, of which each would take the minutes of its SVDs."""
    config, path = load_config("pela"), folder / "pela.safetensors"
    adaptation = build_detector(config, pretrained).adaptation
    about = {"c": adaptation.c, "base_sha256": pretrained_sha256(pretrained)}
    write_weights(path, adaptation.owned(), about)
    return f"adaptation_conf.factors={path}"


def measure(
    pretrained: str, method: str, kind: str, overrides: Sequence[str]
) -> dict[str, float] | None:
    """One method in one way; None where it has nothing that could be stored.

    Raises:
        FadError: its process has failed.
    """
    words = [sys.executable, "-m", "tests.bench.method_steps", pretrained, method, kind, *overrides]
    done = subprocess.run(words, cwd=CODE, capture_output=True, text=True)
    if done.returncode:
        raise FadError(f"{method}, {kind}: ended with {done.returncode}: {done.stderr[-500:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    if found is None:
        return None
    return {**found, "seconds": round(median(found["seconds"]), 3)}


def rows(found: dict[str, dict[str, Any]]) -> list[list[str]]:
    """The table: a line a method, and one more for each setting of a dial."""
    lines = []
    for method, by_kind in found.items():
        steps = [_cells(by_kind.get(kind)) for kind in ("audio", "stored")]
        lines.append([method, *steps[0], *steps[1], *_score_cells(by_kind["score"])])
        for kind in DIAL.get(method, ()):
            name = f"{method} --compute {kind.partition('@')[2]}"
            lines.append([name, *["-"] * 4, *_score_cells(by_kind[kind])])
    return lines


def _cells(one: dict[str, float] | None) -> list[str]:
    return ["-", "-"] if one is None else [f"{one['seconds']:.2f}", f"{one['peak_mib']:,.0f}"]


def _score_cells(one: dict[str, float]) -> list[str]:
    return [*_cells(one), f"{one['gflop']:,.0f}"]


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pretrained", type=Path, help="a fairseq file of XLS-R 300M's shape")
    parser.add_argument("--methods", nargs="+", help="configs (default: all)")
    parser.add_argument("--results", type=Path, default=results.RESULTS, help="results.json")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = get_parser().parse_args(argv)
    methods = args.methods or shipped.counted()
    check_memory(MOST_MIB, "full tuning")
    with (
        pretrained_file(args.pretrained) as pretrained,
        tempfile.TemporaryDirectory() as folder,
        progress(methods, unit="method") as bar,
    ):
        for method in bar:
            started = [pela_factors(pretrained, Path(folder))] if method == "pela" else []
            measured = {
                kind: measure(pretrained, method, kind, started) for kind in kinds_of(method)
            }
            logging.info("%s: %s", method, measured)
            found = keep(args.results, method, measured)
    print(terminal_table(HEADER, rows(found)))


def keep(path: Path, method: str, measured: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Writes a method beside those that were measured on this machine; returns them all."""
    here = results.machine()
    before = results.read(path).get("methods", {"machine": {}, "methods": {}})
    same = all(before["machine"].get(key) == here[key] for key in ("cpu", "cores", "libraries"))
    found = (before["methods"] if same else {}) | {method: measured}
    found = {name: found[name] for name in sorted(found)}
    results.merge(path, {"methods": {"machine": here, "methods": found}})
    write_text(path.with_name("methods.md"), page(here, found))
    return found


def page(machine: dict[str, Any], found: dict[str, dict[str, Any]]) -> str:
    """methods.md: the table, and what it is of."""
    about = CAPTION.format(
        batch=BATCH,
        length=SAMPLES / RATE,
        steps=STEPS,
        cpu=machine["cpu"],
        threads=machine["threads"],
        torch=machine["libraries"]["torch"],
        commit=(machine["commit"] or "unknown")[:12],
    )
    return f"{about}\n{markdown_table(HEADER, rows(found))}\n"


if __name__ == "__main__":
    run(main)
