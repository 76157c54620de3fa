"""Lists the runs of a study for study.sh, and which of them are finished."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fad.config.options import add_set_options
from fad.utils.cli import parse_natural, parse_pairs, run

DESCRIPTION = """\
Prints a line for each run of a study, its fields divided by tabs: `done` or `todo`; the seconds
that it may take, or -; a number that runs share which need the same of stage 2; the experiment's
tag; the method; each override.

    python -m fad.bin.study_runs --name study --methods frozen lora --ranks 1 4 --seeds 1 2

A run is done where exp/<tag>/results.json is, and config.yaml beside it says the same config,
and the data that lie in dump/. The others are run.sh's to do, or to refuse.
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.study_runs",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", default="study", help="begins the tags (default: %(default)s)")
    parser.add_argument("--preset", help="methods, paper_rank or paper_length")
    parser.add_argument("--methods", nargs="+", help="as --config names them (frozen lora full)")
    parser.add_argument("--ranks", nargs="+", type=parse_natural, metavar="RANK")
    parser.add_argument("--targets", nargs="+", help="q_proj,v_proj and the like")
    parser.add_argument("--crop_samples", nargs="+", type=parse_natural, metavar="SAMPLES")
    parser.add_argument("--seeds", nargs="+", type=parse_natural, metavar="SEED")
    parser.add_argument("--lr", nargs="+", default=[], metavar="METHOD=RATE", help="of its own")
    add_set_options(parser)
    parser.add_argument("--test_sets", nargs="+", default=[], help="that results must have")
    parser.add_argument("--pretrained", type=Path, help="the encoder that results must be of")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the list.

    Raises:
        FadError: a value that cannot be used.
    """
    args = get_parser().parse_args(argv)
    rates = parse_pairs("--lr", args.lr, "lora=1e-3")
    from fad.encoders.checkpoint import pretrained_sha256
    from fad.study import plan as study_plan

    usual = study_plan.Axes(methods=study_plan.DEFAULT_METHODS)
    axes = study_plan.preset(args.preset) if args.preset else usual
    names = ("methods", "ranks", "targets", "crop_samples", "seeds")
    axes = replace(axes, **{name: getattr(args, name) for name in names if getattr(args, name)})
    runs = study_plan.plan(args.name, axes, rates, args.set)
    sha256 = pretrained_sha256(args.pretrained) if args.pretrained else None
    finished = study_plan.Finished(Path("exp"), Path("dump"), args.test_sets, sha256)
    times = study_plan.read_times(Path("exp") / args.name / study_plan.TIMES)
    dumps: dict[tuple[str, int], int] = {}
    for each in runs:
        # Of what a study varies, stage 2 goes by the method and the crop alone.
        dump = dumps.setdefault((each.method, each.config["train"]["crop_samples"]), len(dumps))
        seconds = study_plan.estimate(each, runs, times)
        state = "done" if finished.has(each) else "todo"
        shown = "-" if seconds is None else f"{seconds:.0f}"
        print(state, shown, dump, each.tag, each.method, *each.overrides, sep="\t")


if __name__ == "__main__":
    run(main)
