"""Checks the options of egs/<corpus>/run.sh, which are text; an error is one line."""

import argparse
import re

from fad.experiment.scores import FP32, PRECISIONS
from fad.utils.errors import FadError

STAGES = range(1, 6)
ON_ERROR = ("stop", "skip")
COUNTS = {"nj": "jobs", "num_nodes": "nodes", "nproc": "processes"}


def check_run(args: argparse.Namespace) -> None:
    """Checks all options except the config and --dump.

    Raises:
        FadError: an option cannot be used.
    """
    if not args.corpus:
        raise FadError("--corpus is missing: call this through a recipe's run.sh")
    _check_stages(args.stage, args.stop_stage)
    _check_machine(args)
    _check_scoring(args)
    if args.on_error not in ON_ERROR:
        raise FadError(f"--on_error {args.on_error}: {' or '.join(ON_ERROR)}")


def _check_stages(first: str, last: str) -> None:
    """Refuses unknown stages and an empty range of stages."""
    if not (_is_count(first) and int(first) in STAGES):
        raise FadError(f"--stage {first}: the stages are 1 to 5")
    if not _is_count(last):
        raise FadError(f"--stop_stage {last}: the stages are 1 to 5")
    if int(last) < int(first):
        raise FadError(f"--stop_stage {last} comes before --stage {first}: nothing to run")


def _check_machine(args: argparse.Namespace) -> None:
    """Refuses impossible numbers of jobs, processes and GPUs."""
    if args.ngpu != "0" and not _is_count(args.ngpu):
        raise FadError(f"--ngpu {args.ngpu}: give a number of GPUs, from 0 up")
    for name, what in COUNTS.items():
        if not _is_count(getattr(args, name)):
            raise FadError(f"--{name} {getattr(args, name)}: give a number of {what}, from 1 up")
    if args.ngpu != "0" and args.nproc != "1":
        raise FadError(f"--nproc {args.nproc}: on GPUs there is one process each: leave it out")


def _check_scoring(args: argparse.Namespace) -> None:
    """Refuses an unknown precision or compute factor of scoring."""
    if args.score_precision not in PRECISIONS:
        raise FadError(f"--score_precision {args.score_precision}: {' or '.join(PRECISIONS)}")
    if args.score_precision != FP32 and args.ngpu != "0":
        raise FadError(
            f"--score_precision {args.score_precision} is for a CPU: stage 4 with --ngpu 0"
        )
    if not _is_count(args.score_compute):
        raise FadError(f"--score_compute {args.score_compute}: give a number from 1 up")


def _is_count(text: str) -> bool:
    """Whether a text is a whole number from 1; without a leading 0, which is octal in a shell."""
    return bool(re.fullmatch("[1-9][0-9]*", text))
