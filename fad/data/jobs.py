"""The share of the work that one of several jobs does, and the joining of their tables."""

import argparse
import glob
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from fad.cli import parse_bool
from fad.data import tables
from fad.errors import FadError
from fad.files import remove_parts

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


def part_path(out: Path, job: int, nj: int, made: str = "") -> Path:
    """Where a job leaves its part of the table `out`; other ways to make it have another `made`."""
    name = f".{out.name}.{made}" if made else f".{out.name}"
    return out.with_name(f"{name}.{job}of{nj}")


def combine_parts(out: Path, nj: int, made: str = "") -> tables.Table:
    """Joins the jobs' tables into `out` and removes them; returns what was written.

    Raises:
        FadError: a job has not run, or none that made its part in this way.
    """
    parts = [part_path(out, job, nj, made) for job in range(1, nj + 1)]
    for job, part in enumerate(parts, start=1):
        if not part.is_file():
            raise FadError(f"{part}: missing: job {job} of {nj} has not finished: run it again")
    joined = {utt: value for part in parts for utt, value in tables.read_table(part).items()}
    tables.write_table(out, joined)
    # All jobs have ended: what is left is theirs, or of a killed run with other jobs.
    for part in out.parent.glob(f".{glob.escape(out.name)}.*of*"):
        part.unlink()
    remove_parts(out.parent)
    logging.info("%s: %d utterances", out, len(joined))
    return joined
