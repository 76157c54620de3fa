"""Tests whether systems differ in EER on the same trials, by a paired bootstrap."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from fad.evaluation.metrics.paired import RESAMPLES
from fad.evaluation.trials.options import add_key_options, add_score_options
from fad.utils.cli import parse_natural, run

DESCRIPTION = """Tests whether two or more systems differ in EER on the same trials.

It reads the formats of `python -m fad.bin.evaluate --help`; --columns, --logits and --bonafide
apply to every file. All files must score the same trials; a higher score means more bona fide. The
test is a paired bootstrap: it resamples speakers (of the key or of --utt2spk; else trials), and
computes all systems' EERs on the same trials of each bootstrap sample. It prints each pair's
difference of EERs, its 95 % interval, and the two-sided p-value for no difference: twice the share
of samples on the rarer side of 0. With more than two systems the p-values are also corrected for
the number of pairs (Holm)."""
EXAMPLE = """examples:
  python -m fad.bin.compare --scores exp/lora/scores/eval --scores exp/frozen/scores/eval \\
      --key data/eval
  python -m fad.bin.compare --scores ours.txt --scores theirs.txt \\
      --key keys/LA/CM/trial_metadata.txt --phase progress --json"""


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.compare",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--scores", required=True, action="append", help="score file; once for each system"
    )
    add_score_options(parser)
    add_key_options(parser)
    add = parser.add_argument
    natural: dict[str, Any] = {"type": parse_natural, "metavar": "N"}
    add("--utt2spk", metavar="TABLE", help="speakers: the bootstrap then resamples these")
    add(
        "--resamples", **natural, default=RESAMPLES, help="bootstrap samples (default: %(default)s)"
    )
    add("--seed", **natural, default=0, help="of the bootstrap (default: %(default)s)")
    add("--json", action="store_true", help="print JSON instead of text")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the comparison; warnings go to standard error."""
    args = get_parser().parse_args(argv)
    from fad.evaluation.results.comparison import compare_systems, comparison_text
    from fad.evaluation.results.evaluate import INVERTED
    from fad.evaluation.trials.reading import read_systems

    systems = read_systems(args, args.scores, {"speaker": args.utt2spk})
    results = compare_systems(systems, args.resamples, args.seed)
    print(json.dumps(results, indent=2) if args.json else comparison_text(results))
    for system in results["systems"]:
        if system["eer_percent"] > 50:
            print(f"warning: {system['scores']}: EER above 50 %: {INVERTED}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
