"""Which shards each of several jobs does; see `fad.dump.shards` for shards."""

import argparse
import logging
from collections.abc import Callable, Iterable
from typing import NoReturn

from fad.utils.cli import parse_bool
from fad.utils.errors import FadError
from fad.utils.locks import join_run

NOT_DONE = 3  # exit code of --is_done: no other failure has it

logger = logging.getLogger(__name__)


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Adds --nj, --job, --combine and --is_done."""
    parser.add_argument("--nj", type=int, default=1, help="number of jobs (default 1)")
    parser.add_argument("--job", type=int, default=1, help="which job this is, from 1 (default 1)")
    parser.add_argument(
        "--combine",
        type=parse_bool,
        default=False,
        metavar="true|false",
        help="join what the jobs made instead of being one (default false)",
    )
    parser.add_argument(
        "--is_done",
        type=parse_bool,
        default=False,
        metavar="true|false",
        help="do nothing, and end with 0 if all is made already and nothing has changed since, "
        "else with 3 (default false)",
    )


def end_is_done(reason: str | None) -> NoReturn:
    """Ends the program as `--is_done true` promises.

    Args:
        reason: why there is something to do; None if there is nothing.
    """
    if reason:
        logger.info("%s", reason)
    raise SystemExit(NOT_DONE if reason else 0)


def check_job(args: argparse.Namespace) -> None:
    """Checks that --job is one of --nj, and keeps others out until this process ends.

    Raises:
        FadError: --job is below 1 or over --nj, or the run of this job has made way for another.
    """
    if not 1 <= args.job <= args.nj:
        raise FadError(f"--job {args.job} is not within 1 and --nj {args.nj}: correct one of them")
    join_run()


def deal(shards: int, job: int, nj: int) -> range:
    """The numbers, from 1, of a job's shards: every nj-th one.

    A job does not get a contiguous range, since corpora are often sorted so that long or slow clips
    are neighbours.
    """
    return range(job, shards + 1, nj)


def jobs_of(numbers: Iterable[int], nj: int) -> list[int]:
    """The jobs that have these shards, sorted, each once."""
    return sorted({(number - 1) % nj + 1 for number in numbers})


def left_to_do(shards: int, job: int, nj: int, is_done: Callable[[int], bool]) -> list[int]:
    """The numbers of a job's unfinished shards; logs how many are done."""
    own = deal(shards, job, nj)
    left = [number for number in own if not is_done(number)]
    done = len(own) - len(left)
    logger.info("job %d of %d: %d of its %d shards are done already", job, nj, done, len(own))
    return left
