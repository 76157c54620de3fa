"""Checks the options of a recipe's run.sh, and names its experiment."""

import argparse
from collections.abc import Sequence

from fad.encoders.boundary import parse_dump
from fad.experiment.names import check_tag, make_tag
from fad.experiment.run_options import COUNTS, ON_ERROR, check_run
from fad.experiment.scores import FP32
from fad.utils.cli import run
from fad.utils.errors import FadError

DESCRIPTION = """\
Checks the options of egs/<corpus>/run.sh before anything runs, and prints the name of the
experiment, exp/<name>: --tag, or else what the config and its overrides make. What the config
itself says is checked by python -m fad.bin.show_config.

    python -m fad.bin.check_options --corpus mini --config lora --set train.lr=1e-4
"""


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
    for name, what in COUNTS.items():
        add(f"--{name}", default="1", help=f"number of {what}, from 1")
    add("--ngpu", default="0", help="number of GPUs, from 0")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the experiment's name.

    Raises:
        FadError: an option cannot be used.
    """
    args = get_parser().parse_args(argv)
    check_run(args)
    try:
        parse_dump(args.dump)
    except argparse.ArgumentTypeError:
        raise FadError(
            f"--dump {args.dump[:80]}: give auto, none, frontend, all or block:K such as block:12"
        ) from None
    print(check_tag(args.tag or make_tag(args.config, args.set)))


if __name__ == "__main__":
    run(main)
