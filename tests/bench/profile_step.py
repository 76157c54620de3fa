"""Where the time of one step goes: torch.profiler's operators by their own time.

    python -m tests.bench.profile_step lora_dump [--batch 4] [--rows 15] [--pretrained FILE]

The contenders are those of `tests.bench.rivals`. Two steps are taken before the one that is shown.
"""

import argparse
from pathlib import Path

from torch.profiler import ProfilerActivity, profile

from fad.utils.cli import run
from tests.bench.contenders import CONTENDERS, GROUPS
from tests.bench.rivals import WARMUP, pretrained_file
from tests.bench.work import Step, Work


def table(step: Step, rows: int) -> str:
    """The operators of one step that take the most time of their own."""
    for _ in range(WARMUP):
        step()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        step()
    found = profiled.key_averages()
    return found.table(sort_by="self_cpu_time_total", row_limit=rows, max_name_column_width=40)


def batch_of(name: str) -> int:
    """Clips in a step of the contender's group."""
    return next(group.batch for group in GROUPS.values() if name in group.names)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=CONTENDERS, help="the contender")
    parser.add_argument("--batch", type=int, help="clips in a step (default: its group's)")
    parser.add_argument("--rows", type=int, default=15, help="operators (default 15)")
    parser.add_argument("--pretrained", type=Path, help="a fairseq file of XLS-R 300M's shape")
    args = parser.parse_args(argv)
    with pretrained_file(args.pretrained) as pretrained:
        work = Work(pretrained, args.batch or batch_of(args.name))
        print(table(CONTENDERS[args.name].build(work), args.rows))


if __name__ == "__main__":
    run(main)
