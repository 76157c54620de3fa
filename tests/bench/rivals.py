"""fad beside its rivals at the shape of XLS-R 300M: time and memory of a step, and their ratios.

    python -m tests.bench.rivals [--groups train full score] [--rounds 8]
    python -m tests.bench.rivals --groups train --only peft lora_dump --rounds 3 --out some.json

By hand, on a quiet machine. Each contender is a process of its own; they take turns, and a ratio is
the median of its quotients within a round, so that a machine that slows down changes little. The
results go to tests/bench/results.json, and as Markdown beside it. Without --pretrained a checkpoint
with random weights is made, 1.3 GB: time and memory do not depend on the weights.
"""

import argparse
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fad.utils.cli import run
from fad.utils.errors import FadError
from fad.utils.files import write_text
from fad.utils.git import git_hash
from fad.utils.progress import progress
from tests.bench import results, tables
from tests.bench.contenders import GROUPS, Group, find
from tests.bench.ratios import compare, summary
from tests.bench.turns import Answer, take_turns
from tests.bench.work import Work
from tests.helpers.released import XLSR_300M, write_random_checkpoint

WARMUP = 2
SPARE_MIB = 1024  # for this process and the rest of the system


@contextmanager
def pretrained_file(given: Path | None) -> Iterator[str]:
    """The file that was given, or one with random weights while the context lasts."""
    if given is not None:
        yield str(given.resolve())
        return
    with tempfile.TemporaryDirectory() as folder:
        logging.info("writing a checkpoint with random weights (1.3 GB)")
        yield str(write_random_checkpoint(Path(folder) / "random.pt", XLSR_300M))


def chosen(name: str, only: list[str] | None) -> Group:
    """A group, or those of it that are in `only`."""
    group = GROUPS[name]
    return replace(group, names=tuple(n for n in group.names if only is None or n in only))


def check_memory(needed: int, what: str) -> None:
    """Stops where a run would swap, or be killed.

    Raises:
        FadError: less memory is free than it takes.
    """
    free = results.memory_mib("MemAvailable")
    if needed + SPARE_MIB > free:
        raise FadError(
            f"{what}: takes about {needed + SPARE_MIB:,} MiB, and {free:,} are free: end other "
            "programs, or choose fewer with --groups or --only"
        )


def run_group(group: Group, work: Work, rounds: int, seed: int) -> dict[str, Any]:
    """All rounds of a group: what goes into results.json of each contender."""
    total = len(group.names) * (1 + WARMUP + rounds)
    with progress(total=total, desc=group.title, unit="turn") as bar:

        def note(name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update()

        built, found = take_turns(group.names, work, WARMUP, rounds, seed, note)
    return {name: described(built[name], found[name], work.batch) for name in group.names}


def described(built: Answer, answers: list[Answer], batch: int) -> dict[str, Any]:
    """A contender's part of results.json."""
    seconds = [round(answer.seconds, 4) for answer in answers]
    return {
        "seconds_a_clip": summary([value / batch for value in seconds]),
        "peak_mib": round(answers[-1].peak_mib),
        "built_mib": round(built.peak_mib),
        "rest_mib": round(answers[-1].rest_mib),
        "rounds": seconds,
        "commit": git_hash(),
    }


def updated(old: dict[str, Any], name: str, found: dict[str, Any]) -> dict[str, Any]:
    """The parts of results.json after a group was run; ratios are of all groups that it has then.

    Args:
        old: what results.json had.
        name: of the group.
        found: its contenders' parts.
    """
    groups = old.get("contenders", {}) | {name: found}
    ratios: dict[str, dict[str, float]] = {}
    for group, part in groups.items():
        rounds = {
            contender: {"seconds": one["rounds"], "peak_mib": [one["peak_mib"]]}
            for contender, one in part.items()
        }
        ratios |= compare(group, rounds)
    return {
        "machine": results.machine(),
        "contenders": groups,
        "ratios": {ratio: value["median"] for ratio, value in ratios.items()},
        "spread": {ratio: [value["min"], value["max"]] for ratio, value in ratios.items()},
    }


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--only", nargs="+", metavar="CONTENDER", help="these of the groups")
    parser.add_argument("--rounds", type=int, default=8, help="that count (default 8)")
    parser.add_argument("--seed", type=int, default=0, help="of the order within rounds")
    parser.add_argument("--pretrained", type=Path, help="a fairseq file of XLS-R 300M's shape")
    parser.add_argument("--out", type=Path, default=results.RESULTS, help="results.json")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = get_parser().parse_args(argv)
    for name in args.only or []:
        find(name)
    groups = {name: chosen(name, args.only) for name in args.groups}
    groups = {name: group for name, group in groups.items() if group.names}
    if not groups:
        raise FadError("--only has no contender of the --groups: add the group that has it")
    minutes = sum(group.seconds(WARMUP + args.rounds) for group in groups.values()) / 60
    most = max(group.memory() for group in groups.values())
    logging.info("about %.0f minutes on 2 cores, and %s MiB of memory", minutes, f"{most:,}")
    with pretrained_file(args.pretrained) as pretrained:
        for name, group in groups.items():
            check_memory(group.memory(), f"group '{name}'")
            found = run_group(group, Work(pretrained, group.batch), args.rounds, args.seed)
            whole = results.merge(args.out, updated(results.read(args.out), name, found))
    write_text(args.out.with_suffix(".md"), tables.markdown(whole))
    print(tables.terminal(whole))


if __name__ == "__main__":
    run(main)
