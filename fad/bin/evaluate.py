"""Error rates of a file of scores: EER, costs, and each attack."""

import argparse
import json
import sys
from collections.abc import Sequence

from fad.cli import run
from fad.data.tables import read_labels, read_table
from fad.errors import FadError
from fad.report.evaluation import CALIBRATION_NOTE, evaluate
from fad.report.scores import read_asv_scores, read_scores
from fad.report.summary import asv_sentence, cost_table, error_table, group_table
from fad.report.text import terminal_table
from fad.report.trials import make_trials

DESCRIPTION = """Error rates of a file of scores, of fad or of any other system.

The scores are lines of `utt score` (then --labels is needed) or of `utt attack label score`, the
format of ASVspoof 2019. A higher score means more bona fide. EER and costs are those of the
ASVspoof organisers' programs; with --asv_scores also min t-DCF."""
EXAMPLE = """examples:
  python -m fad.bin.evaluate --scores exp/lora/scores/eval --labels data/eval/utt2label \\
      --attacks data/eval/utt2attack --utt2spk data/eval/utt2spk
  python -m fad.bin.evaluate --scores cm_scores.txt --json > results.json"""


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.evaluate",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scores", required=True, help="file of scores")
    parser.add_argument("--labels", help="table utt2label: bonafide or spoof")
    parser.add_argument("--attacks", help="table utt2attack, for results by attack")
    parser.add_argument("--asv_scores", help="ASV scores of ASVspoof 2019, for min t-DCF")
    parser.add_argument("--utt2spk", help="speakers: the interval is then drawn over these")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser


def as_text(name: str, results: dict) -> str:
    """The results as tables with six digits."""
    draws = f"{results['eer_interval']['resamples']} bootstrap resamples, percentile"
    parts = [
        f"{name} (higher score = bona fide; interval: {draws})",
        terminal_table(*error_table(results, digits=6)),
        terminal_table(*cost_table(results, digits=6)) + f"\n* {CALIBRATION_NOTE}",
        asv_sentence(results),
        *(terminal_table(*group_table(results, name, digits=6)) for name in results["by"]),
    ]
    return "\n\n".join(part for part in parts if part)


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the results of one file of scores; warnings go to standard error."""
    args = get_parser().parse_args(argv)
    found = read_scores(args.scores)
    labels = read_labels(args.labels) if args.labels else found.labels
    if labels is None:
        raise FadError(f"{args.scores}: has no labels in it: give --labels utt2label")
    columns = {} if found.attacks is None else {"attack": found.attacks}
    given = {"attack": args.attacks, "speaker": args.utt2spk}
    columns |= {name: read_table(path) for name, path in given.items() if path}
    files = {"labels": args.labels, "attack": args.attacks, "speaker": args.utt2spk}
    trials = make_trials(args.scores, found.scores, labels, columns, files)
    asv = read_asv_scores(args.asv_scores) if args.asv_scores else None
    results = evaluate(trials, asv)
    as_json = json.dumps(results, indent=2, allow_nan=False)
    print(as_json if args.json else as_text(args.scores, results))
    for warning in results["warnings"]:
        print(f"warning: {args.scores}: {warning}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
