"""Evaluates a score file: EER and costs, also for each attack, codec, phase, ..."""

import argparse
import json
import sys
from collections.abc import Sequence

from fad.evaluation.trials.formats import DESCRIPTION, EPILOG
from fad.evaluation.trials.options import add_key_options, add_score_options
from fad.utils.cli import parse_finite, parse_natural, parse_pairs, run
from fad.utils.errors import FadError

LEVEL = 0.95  # of the interval


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.evaluate",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--scores", required=True, help="score file")
    add_score_options(parser)
    add_key_options(parser)
    add("--attacks", metavar="TABLE", help="utt2attack, for results by attack")
    add("--utt2spk", metavar="TABLE", help="speakers: the bootstrap then resamples these")
    add("--by", action="append", default=[], metavar="NAME=TABLE", help="results by utt2NAME too")
    add("--asv_scores", metavar="FILE", help="ASV scores of ASVspoof 2019 or 2021, for min t-DCF")
    add("--asv_key", metavar="FILE", help="ASVspoof 2021's key of the ASV scores")
    add("--threshold", type=parse_finite, help="for accuracy, F1, ...; chosen on other data")
    add("--resamples", type=parse_natural, default=200, help="bootstrap samples; 0: none (200)")
    add("--draw_attacks", action="store_true", help="the bootstrap draws attacks too: for new ones")
    add("--json", action="store_true", help="print JSON instead of tables")
    return parser


def check_resamples(resamples: int) -> None:
    """Refuses so few bootstrap samples that no two of them can be the ends of the interval."""
    from fad.evaluation.metrics.paired import interval_rank

    try:
        if resamples:
            interval_rank(resamples, LEVEL)
    except ValueError as error:
        raise FadError(f"--resamples: {error} or more; 0 leaves the interval out") from None


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the results of one score file; warnings go to standard error."""
    args = get_parser().parse_args(argv)
    if args.asv_key and not args.asv_scores:
        raise FadError("--asv_key goes with --asv_scores: give that too")
    check_resamples(args.resamples)
    from fad.evaluation.results.evaluate import evaluate
    from fad.evaluation.results.terminal import set_text
    from fad.evaluation.trials.asv_scores import read_asv_scores
    from fad.evaluation.trials.reading import read_trials
    from fad.evaluation.trials.trials import choose_phase

    by = parse_pairs("--by", args.by, "lang=utt2lang")
    tables = {"attack": args.attacks, "speaker": args.utt2spk} | by
    (trials,) = read_trials(args, [args.scores], tables)
    phase, asv = choose_phase(trials, args.phase), None
    if args.asv_scores:
        asv = read_asv_scores(args.asv_scores, args.asv_key, phase, trials.spoof_attacks())
    given = (trials, asv, None, args.threshold, args.resamples)
    results = evaluate(*given, phase=phase, draw_attacks=args.draw_attacks)
    as_json = json.dumps(results, indent=2, allow_nan=False) if args.json else ""
    print(as_json or set_text(args.scores, results))
    for name in by.keys() - results["by"].keys() - {"phase"}:
        results["warnings"].append(f"no results by {name}: no value has trials of both classes")
    for warning in results["warnings"]:
        print(f"warning: {args.scores}: {warning}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
