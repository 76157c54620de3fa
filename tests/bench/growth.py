"""How a LoRA step grows with clip length, batch and rank: seconds and peak memory, and a plot.

    python -m tests.bench.growth --out DIR [--rounds 3] [--pretrained xlsr2_300m.pt]

By hand, on a quiet machine. fad's step from stored frames at the shape of XLS-R 300M; each point is
a process of its own, alone. The numbers go to tests/bench/results.json, the plot to DIR/growth.png.
"""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from fad.utils.cli import run
from fad.utils.progress import progress
from tests.bench import results
from tests.bench.growth_plot import write_plot
from tests.bench.rivals import check_memory, pretrained_file
from tests.bench.turns import alive
from tests.bench.work import Work

CONTENDER = "lora_dump"
RATE = 16_000
CLIP_SECONDS = (1, 4, 10, 30, 60)
BATCHES = (1, 2, 4, 8)
RANKS = (1, 4, 16, 64)
WARMUP = 1
# For the estimate, scaled up from 16 s of audio: 3.2 GB, of which 1.5 do not grow.
MINUTES_A_ROUND, MOST_MIB = 1.5, 8000


def points(base: Work, most_seconds: int) -> dict[str, list[tuple[int, Work]]]:
    """What is measured of each axis: its values, and the work at them."""
    base = replace(base, batch=1, samples=4 * RATE)
    lengths = [value for value in CLIP_SECONDS if value <= most_seconds]
    return {
        "clip_seconds": [(value, replace(base, samples=value * RATE)) for value in lengths],
        "batch": [(value, replace(base, batch=value)) for value in BATCHES],
        "rank": [(value, replace(base, rank=value)) for value in RANKS],
    }


def measure(work: Work, rounds: int) -> dict[str, float]:
    """One point, in a process of its own."""
    with alive(CONTENDER, work) as child:
        answers = [child.step() for _ in range(WARMUP + rounds)]
    seconds = [answer.seconds for answer in answers[WARMUP:]]
    return {
        "step_seconds": round(median(seconds), 4),
        "min": round(min(seconds), 4),
        "max": round(max(seconds), 4),
        "peak_mib": round(answers[-1].peak_mib),
    }


def measure_all(works: Sequence[Work], rounds: int) -> dict[Work, dict[str, float]]:
    """Every point once, also one that lies on several axes."""
    found = {}
    with progress(sorted(set(works), key=repr), desc=CONTENDER, unit="point") as bar:
        for work in bar:
            found[work] = measure(work, rounds)
            seconds = work.samples / RATE
            logging.info(
                "batch %d of %.0f s, rank %d: %.2f s a step, peak %s MiB",
                *(work.batch, seconds, work.rank, found[work]["step_seconds"]),
                f"{found[work]['peak_mib']:,.0f}",
            )
    return found


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the plot")
    parser.add_argument("--rounds", type=int, default=3, help="steps at a point (default 3)")
    parser.add_argument("--most_seconds", type=int, default=60, help="the longest clip (60)")
    parser.add_argument("--pretrained", type=Path, help="a fairseq file of XLS-R 300M's shape")
    parser.add_argument("--results", type=Path, default=results.RESULTS, help="results.json")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = get_parser().parse_args(argv)
    minutes = MINUTES_A_ROUND * (WARMUP + args.rounds)
    logging.info("about %.0f minutes, and %s MiB of memory", minutes, f"{MOST_MIB:,}")
    check_memory(MOST_MIB, "the longest clip")
    with pretrained_file(args.pretrained) as pretrained:
        axes = points(Work(pretrained, batch=1), args.most_seconds)
        found = measure_all([work for axis in axes.values() for _, work in axis], args.rounds)
    part: dict[str, Any] = {
        axis: [{axis: value, **found[work]} for value, work in chosen]
        for axis, chosen in axes.items()
    }
    results.merge(args.results, {"growth": {"machine": results.machine(), **part}})
    write_plot(part, args.out / "growth.png")
    logging.info("wrote %s and %s", args.results, args.out / "growth.png")


if __name__ == "__main__":
    run(main)
