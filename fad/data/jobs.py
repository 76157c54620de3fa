"""The share of the work that one of several jobs does."""

import argparse
from collections.abc import Sequence
from typing import TypeVar

from fad.cli import parse_bool
from fad.errors import FadError

Item = TypeVar("Item")


def share(items: Sequence[Item], job: int, nj: int) -> Sequence[Item]:
    """The job's contiguous share, jobs numbered from 1: all shares together are all the items."""
    return items[(job - 1) * len(items) // nj : job * len(items) // nj]


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Adds --nj, --job and --combine."""
    parser.add_argument("--nj", type=int, default=1, help="number of jobs (default 1)")
    parser.add_argument("--job", type=int, default=1, help="which job this is, from 1 (default 1)")
    parser.add_argument(
        "--combine",
        type=parse_bool,
        default=False,
        metavar="true|false",
        help="join what the jobs made instead of being one (default false)",
    )


def check_job(args: argparse.Namespace) -> None:
    """Checks that --job is one of --nj.

    Raises:
        FadError: it is not.
    """
    if not 1 <= args.job <= args.nj:
        raise FadError(f"--job {args.job} is not within 1 and --nj {args.nj}: correct one of them")
