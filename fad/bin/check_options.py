"""Checks the options of a recipe's run.sh, and names its experiment."""

import argparse
import re
from collections.abc import Sequence

from fad.encoders.boundary import parse_dump
from fad.experiment.names import check_tag, make_tag
from fad.experiment.scores import FP32, PRECISIONS
from fad.utils.cli import run
from fad.utils.errors import FadError

DESCRIPTION = """\
Checks the options of egs/<corpus>/run.sh before anything runs, and prints the name of the
experiment, exp/<name>: --tag, or else what the config and its overrides make. What the config
itself says is checked by python -m fad.bin.show_config.

    python -m fad.bin.check_options --corpus mini --config lora --set train.lr=1e-4
"""

STAGES = range(1, 6)
ON_ERROR = ("stop", "skip")
_COUNTS = {"nj": "jobs", "num_nodes": "nodes", "nproc": "processes"}


def get_parser() -> argparse.ArgumentParser:
    """The options; those of run.sh --help, as it was given them."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.check_options",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--corpus", default="", help="name of the recipe")
    add("--stage", default="1", help="first stage to run, 1 to 5")
    add("--stop_stage", default="5", help="last stage to run")
    add("--config", default="lora", help="a method of conf/, or a YAML file")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="override; repeatable")
    add("--tag", default="", help="name under exp/")
    add("--dump", default="auto", help="auto, none, frontend, block:K or all")
    add("--on_error", default=ON_ERROR[0], help="stop or skip")
    add("--score_precision", default=FP32, help="fp32 or int8")
    add("--score_compute", default="1", help="a whole number from 1")
    for name, what in _COUNTS.items():
        add(f"--{name}", default="1", help=f"number of {what}, from 1")
    add("--ngpu", default="0", help="number of GPUs, from 0")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the experiment's name.

    Raises:
        FadError: an option cannot be used.
    """
    args = get_parser().parse_args(argv)
    if not args.corpus:
        raise FadError("--corpus is missing: call this through a recipe's run.sh")
    check_stages(args.stage, args.stop_stage)
    check_machine(args)
    check_scoring(args)
    if args.on_error not in ON_ERROR:
        raise FadError(f"--on_error {args.on_error}: {' or '.join(ON_ERROR)}")
    check_dump(args.dump)
    print(check_tag(args.tag or make_tag(args.config, args.set)))


def check_stages(first: str, last: str) -> None:
    """Refuses stages that there are not, and none at all."""
    if not (is_count(first) and int(first) in STAGES):
        raise FadError(f"--stage {first}: the stages are 1 to 5")
    if not is_count(last):
        raise FadError(f"--stop_stage {last}: the stages are 1 to 5")
    if int(last) < int(first):
        raise FadError(f"--stop_stage {last} comes before --stage {first}: nothing to run")


def check_machine(args: argparse.Namespace) -> None:
    """Refuses numbers of jobs, processes and GPUs that make no sense."""
    if args.ngpu != "0" and not is_count(args.ngpu):
        raise FadError(f"--ngpu {args.ngpu}: give a number of GPUs, from 0 up")
    for name, what in _COUNTS.items():
        if not is_count(getattr(args, name)):
            raise FadError(f"--{name} {getattr(args, name)}: give a number of {what}, from 1 up")
    if args.ngpu != "0" and args.nproc != "1":
        raise FadError(f"--nproc {args.nproc}: on GPUs there is one process each: leave it out")


def check_scoring(args: argparse.Namespace) -> None:
    """Refuses a precision or a cost of scores that there is not."""
    if args.score_precision not in PRECISIONS:
        raise FadError(f"--score_precision {args.score_precision}: {' or '.join(PRECISIONS)}")
    if args.score_precision != FP32 and args.ngpu != "0":
        raise FadError(
            f"--score_precision {args.score_precision} is for a CPU: stage 4 with --ngpu 0"
        )
    if not is_count(args.score_compute):
        raise FadError(f"--score_compute {args.score_compute}: give a number from 1 up")


def check_dump(text: str) -> None:
    """Refuses what is no kind of dump."""
    try:
        parse_dump(text)
    except argparse.ArgumentTypeError:
        raise FadError(
            f"--dump {text[:80]}: give auto, none, frontend, all or block:K such as block:12"
        ) from None


def is_count(text: str) -> bool:
    """Whether it is a whole number from 1, as shell arithmetic reads it too: without a 0 ahead."""
    return bool(re.fullmatch("[1-9][0-9]*", text))


if __name__ == "__main__":
    run(main)
