"""Writes the report of a study: its finished runs side by side."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from fad.utils.cli import run

WAIT = 120.0  # seconds for another report of this study to be written
DESCRIPTION = """\
Writes EXP/NAME/study.md, study.json and plots over all finished runs EXP/NAME_*: cost and EERs of
each, curves over ranks and input lengths, EER against cost. It reads only each run's results.json,
cost.json, train_summary.json and config.yaml.

    python -m fad.bin.study --exp egs/mini/exp --name study

study.json: study_version, name, git (the commit), common_settings (settings of all systems that
differ from their method's in conf/), measured_on (where most costs were measured), warnings,
unfinished (tags), test_sets (names), systems. Each system has: label, method, adaptation, rank,
target_modules, crop_samples, varied (settings that distinguish it from others of its method),
settings (those it does not share with all), tags, seeds, trained_with (commits), pretrained,
trainable and fewer (parameters), reads (input of training; none: audio), seconds_per_step,
peak_memory_mb, measured_on, comparable_cost (measured where most were), and test_sets: by set, for
`all`, `seen` and `unseen` attacks, EERs in percent: mean, deviation, best, values (of each run),
interval (low, high, over).
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.study",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--exp", type=Path, default=Path("exp"), help="default: %(default)s")
    parser.add_argument("--name", default="study", help="of the study (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Writes the report.

    Raises:
        FadError: the name is not allowed, no run is finished, or a file of a run is malformed.
    """
    args = get_parser().parse_args(argv)
    from fad.study.gather import gather_study
    from fad.study.markdown import write_study
    from fad.study.plan import check_name
    from fad.utils.locks import LOCK, held

    check_name(args.name)
    gather_study(args.exp, args.name)  # nothing is made if there is nothing to report
    with held(args.exp / args.name / LOCK, WAIT):  # two shells may end a study at once
        study = gather_study(args.exp, args.name)
        write_study(study, args.exp / args.name)
    runs = sum(len(system["tags"]) for system in study["systems"])
    logging.info("%d systems of %d runs: %s", len(study["systems"]), runs, args.exp / args.name)


if __name__ == "__main__":
    run(main)
