"""Evaluates a score file of spoofing-aware speaker verification (SASV)."""

import argparse
import json
import sys
from collections.abc import Sequence

from fad.utils.cli import run

DESCRIPTION = """Computes costs and error rates of spoofing-aware speaker verification (SASV).

A trial is a claimed speaker and an utterance: target, nontarget or spoof. The scores are a
submission to ASVspoof 5, track 2, with the header `spk filename cm-score asv-score sasv-score`
(a column that the system does not have is `-` throughout), or lines of `speaker utt score`. The
key has the header `spk filename cm-label asv-label`, or lines of `speaker utt
target|nontarget|spoof`, or is the protocol of SASV 2022. A higher score means more target; a higher
CM score means more bona fide.

From sasv-score: min a-DCF, a-DCF at --threshold, SASV-EER, SV-EER and SPF-EER. From cm-score and
asv-score: t-EER and min t-DCF 2021, with this ASV at the threshold of its EER. Missing, extra and
duplicate trials are refused."""
EXAMPLE = """examples:
  python -m fad.bin.evaluate_sasv --scores score.tsv --key key.tsv
  python -m fad.bin.evaluate_sasv --scores eval.txt --key key.txt --threshold 0.31 --json

To measure a system on a test set as it would be used, give as --threshold the threshold of its min
a-DCF on a development set."""


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.evaluate_sasv",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scores", required=True, help="score file")
    parser.add_argument("--key", required=True, help="file with the kind of each trial")
    parser.add_argument(
        "--threshold", type=float, help="of sasv-score, for the a-DCF at this threshold"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the results of one score file; warnings go to standard error."""
    args = get_parser().parse_args(argv)
    from fad.evaluation.sasv.files import read_sasv_trials
    from fad.evaluation.sasv.results import as_text, evaluate_sasv

    results = evaluate_sasv(read_sasv_trials(args.scores, args.key), args.threshold)
    as_json = json.dumps(results, indent=2, allow_nan=False)
    print(as_json if args.json else as_text(args.scores, results))
    for warning in results["warnings"]:
        print(f"warning: {args.scores}: {warning}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
