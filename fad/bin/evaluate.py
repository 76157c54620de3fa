"""Error rates of a file of scores: EER, costs, and each attack, codec, phase, ..."""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial

from fad.cli import parse_finite, parse_natural, parse_pairs, run
from fad.data.labels import NUMBERS
from fad.errors import FadError
from fad.report.evaluation import evaluate
from fad.report.set_text import set_text
from fad.scores.asv_scores import read_asv_scores
from fad.scores.formats import DESCRIPTION, EPILOG
from fad.scores.joining import by_stem, join, read_any_key
from fad.scores.score_files import PAIRS, read_scores
from fad.scores.trials import choose_phase


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.evaluate",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    names = {"type": partial(str.split, sep=","), "default": [], "metavar": "NAME=COLUMN,..."}
    add("--scores", required=True, help="file of scores")
    add("--columns", **names, help="columns of the scores' header")
    add("--logits", choices=PAIRS, metavar="A,B", help="scores are pairs '[a, b]', see below")
    add("--bonafide", choices=NUMBERS, help="which number is bona fide where labels are numbers")
    add("--key", "--labels", help="the organisers' key, a table such as utt2label, or data/<set>")
    add("--key_columns", **names, help="columns of the key's header; a new NAME is results by it")
    add("--attacks", metavar="TABLE", help="utt2attack, for results by attack")
    add("--utt2spk", metavar="TABLE", help="speakers: the interval is then drawn over these")
    add("--by", action="append", default=[], metavar="NAME=TABLE", help="results by utt2NAME too")
    add("--phase", help="phase of the key that the results are of (eval where there is one)")
    add("--stems", action="store_true", help="compare names without folders and audio endings")
    add("--asv_scores", metavar="FILE", help="ASV scores of ASVspoof 2019 or 2021: min t-DCF")
    add("--asv_key", metavar="FILE", help="ASVspoof 2021's key of the ASV scores")
    add("--threshold", type=parse_finite, help="accuracy at this threshold, chosen on other data")
    add("--resamples", type=parse_natural, default=200, help="of the bootstrap; 0: no interval")
    add("--json", action="store_true", help="print JSON instead of tables")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the results of one file of scores; warnings go to standard error."""
    args = get_parser().parse_args(argv)
    for option, other in (("asv_key", "asv_scores"), ("key_columns", "key")):
        if getattr(args, option) and not getattr(args, other):
            raise FadError(f"--{option} goes with --{other}: give that too")
    columns = parse_pairs("--columns", args.columns, "utt=filename")
    key_columns = parse_pairs("--key_columns", args.key_columns, "label=key")
    by = parse_pairs("--by", args.by, "lang=utt2lang")
    found = read_scores(args.scores, columns, args.bonafide, args.logits)
    key = read_any_key(args.key, key_columns, args.bonafide) if args.key else None
    if args.stems:
        found, key = by_stem(found, key)
    tables = {"attack": args.attacks, "speaker": args.utt2spk} | by
    trials = join(found, key, {name: path for name, path in tables.items() if path}, args.phase)
    phase, asv = choose_phase(trials, args.phase), None
    if args.asv_scores:
        asv = read_asv_scores(args.asv_scores, args.asv_key, phase, trials.spoof_attacks())
    results = evaluate(trials, asv, None, args.threshold, args.resamples, phase=phase)
    as_json = json.dumps(results, indent=2, allow_nan=False) if args.json else ""
    print(as_json or set_text(args.scores, results))
    for name in by.keys() - results["by"].keys() - {"phase"}:
        results["warnings"].append(f"no results by {name}: it tells no groups of both classes")
    for warning in results["warnings"]:
        print(f"warning: {args.scores}: {warning}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
