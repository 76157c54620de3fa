"""Whether two or more systems differ in EER on the same trials: a paired bootstrap test."""

import argparse
import json
import sys
from collections.abc import Sequence

from fad.cli import run
from fad.metrics.paired import RESAMPLES
from fad.report.comparison import compare_systems, comparison_text, read_systems
from fad.report.evaluation import INVERTED

DESCRIPTION = """Whether two or more systems differ in EER on the same trials.

Takes files of scores as fad.bin.evaluate does; a higher score means more bona fide. Speakers (with
--utt2spk; else trials) are drawn with replacement many times, and each draw gives all systems' EERs
over the same trials. Prints each pair's difference of EERs, its 95 % interval, and the two-sided
p-value for no difference: twice the share of draws on the rarer side of 0. With more than two
systems the p-values are also corrected for the number of pairs, after Holm."""
EXAMPLE = """examples:
  python -m fad.bin.compare --scores exp/lora/scores/eval --scores exp/frozen/scores/eval \\
      --labels data/eval/utt2label --utt2spk data/eval/utt2spk
  python -m fad.bin.compare --scores ours.txt --scores theirs.txt --labels utt2label --json"""


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.compare",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--scores", required=True, action="append", help="file of scores; once for each system"
    )
    parser.add_argument("--labels", help="table utt2label: bonafide or spoof")
    parser.add_argument("--utt2spk", help="speakers: what is drawn are then these")
    parser.add_argument(
        "--resamples", type=int, default=RESAMPLES, help="bootstrap draws (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the comparison; warnings go to standard error."""
    args = get_parser().parse_args(argv)
    systems = read_systems(args.scores, args.labels, args.utt2spk)
    results = compare_systems(systems, args.resamples, args.seed)
    print(json.dumps(results, indent=2) if args.json else comparison_text(results))
    for system in results["systems"]:
        if system["eer_percent"] > 50:
            print(f"warning: {system['scores']}: EER above 50 %: {INVERTED}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
