"""Two or more systems on the same trials: their EERs, and whether the trials tell them apart.

The test is `fad.metrics.paired`. With more than two systems every pair is tested, and the p-values
are corrected for that (Holm). EERs and their differences are in percent.
"""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

import numpy as np

from fad.data.tables import read_labels, read_table
from fad.errors import FadError
from fad.metrics.eer import eer
from fad.metrics.paired import RESAMPLES, holm, paired_tests
from fad.report.summary import decimal
from fad.report.text import terminal_table
from fad.scores.score_files import read_scores
from fad.scores.trials import Trials, make_trials

LEVEL = 0.95


def read_systems(
    paths: Sequence[str], labels: str | None = None, utt2spk: str | None = None
) -> list[Trials]:
    """Each system's scores, of the same trials.

    Args:
        paths: files of scores, at least two.
        labels: table utt2label; without it the first file with labels in it gives them.
        utt2spk: table of speakers, where they are known.

    Raises:
        FadError: fewer than two files or more than there are letters, no labels, labels that
            contradict each other, or trials that one file has and another has not.
    """
    if not 2 <= len(paths) <= len(ascii_uppercase):
        raise FadError(
            f"{len(paths)} files of scores: give --scores twice or more, "
            f"at most {len(ascii_uppercase)} times"
        )
    found = [read_scores(path) for path in paths]
    known = {path: file.labels for path, file in zip(paths, found, strict=True) if file.labels}
    if labels:
        known = {labels: read_labels(labels)} | known
    if not known:
        raise FadError(f"{paths[0]}: has no labels in it: give --labels utt2label")
    source, table = next(iter(known.items()))
    for path, other in known.items():
        _check_same_labels(source, table, path, other)
    columns = {"speaker": read_table(utt2spk)} if utt2spk else {}
    files = {"labels": source, "speaker": utt2spk}
    return [
        make_trials(path, file.scores, table, columns, files)
        for path, file in zip(paths, found, strict=True)
    ]


def _check_same_labels(
    source: str, labels: Mapping[str, str], path: str, others: Mapping[str, str]
) -> None:
    wrong = sorted(utt for utt in labels.keys() & others.keys() if labels[utt] != others[utt])
    if wrong:
        raise FadError(
            f"{path}: '{wrong[0]}' is {others[wrong[0]]}, but {labels[wrong[0]]} in {source} "
            f"({len(wrong)} such trials): correct one of them"
        )


def compare_systems(
    systems: Sequence[Trials], resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """The EERs and every pair's difference, as plain numbers and strings.

    Args:
        systems: each system's scores of the same trials, from `read_systems`.
        resamples: draws of the bootstrap.
        seed: of the draws.

    Raises:
        FadError: too few draws.
    """
    trials = systems[0]
    scores = [system.scores for system in systems]
    try:
        tests = paired_tests(
            scores, trials.is_bonafide, trials.speakers, resamples, level=LEVEL, seed=seed
        )
    except ValueError as error:
        raise FadError(f"{trials.name}: {error}: raise --resamples") from error
    corrected = holm([test.p_value for test in tests])
    interval = tests[0].interval
    return {
        "bonafide": int(np.sum(trials.is_bonafide)),
        "spoof": int(np.sum(~trials.is_bonafide)),
        "over": f"{interval.unit}s",
        "units": interval.num_units,
        "level": LEVEL,
        "resamples": resamples,
        "seed": seed,
        "systems": [
            {
                "system": letter,
                "scores": system.name,
                "eer_percent": 100 * eer(system.bonafide, system.spoof)[0],
            }
            for letter, system in zip(ascii_uppercase, systems, strict=False)
        ],
        "pairs": [
            {
                "first": ascii_uppercase[test.first],
                "second": ascii_uppercase[test.second],
                "difference_percent": 100 * test.difference,
                "low_percent": 100 * test.interval.low,
                "high_percent": 100 * test.interval.high,
                "p_value": test.p_value,
                "p_value_holm": p_holm,
            }
            for test, p_holm in zip(tests, corrected, strict=True)
        ],
    }


def comparison_text(results: Mapping[str, Any], digits: int = 4) -> str:
    """The results as tables, and each pair in a sentence."""
    draws = f"{results['resamples']:,} bootstrap draws over {results['units']:,} {results['over']}"
    pairs = results["pairs"]
    several = len(pairs) > 1
    systems = [
        [system["system"], decimal(system["eer_percent"], digits), system["scores"]]
        for system in results["systems"]
    ]
    header = ["pair", "difference", "low", "high", "p", *(["p (Holm)"] if several else [])]
    parts = [
        f"{results['bonafide']:,} bona fide and {results['spoof']:,} spoofed trials, the same for "
        f"all systems\n{draws}, the same for all systems",
        terminal_table(["system", "EER %", "scores"], systems),
        terminal_table(header, [_row(pair, digits, several) for pair in pairs])
        + f"\ndifference of EERs in percentage points, with its {100 * LEVEL:.0f} % interval",
        "\n".join(_sentence(pair, digits, len(pairs)) for pair in pairs),
    ]
    if several:
        parts.append(
            f"p (Holm) is corrected for {len(pairs)} comparisons: calling those at "
            f"{1 - LEVEL:.2f} or below different errs in any of them with at most that probability"
        )
    return "\n\n".join(parts)


def _row(pair: Mapping[str, Any], digits: int, several: bool) -> list[str]:
    keys = ("difference_percent", "low_percent", "high_percent")
    row = [f"{pair['first']} - {pair['second']}", *(f"{pair[key]:+.{digits}f}" for key in keys)]
    row.append(f"{pair['p_value']:.4f}")
    return [*row, f"{pair['p_value_holm']:.4f}"] if several else row


def _sentence(pair: Mapping[str, Any], digits: int, num_pairs: int) -> str:
    """What a pair's numbers say, in words."""
    first, second, difference = pair["first"], pair["second"], pair["difference_percent"]
    holds_0 = pair["low_percent"] <= 0 <= pair["high_percent"]
    if difference:
        order = f"{'lower' if difference < 0 else 'higher'} than {second}'s by"
        start = f"{first}'s EER is {order} {abs(difference):.{digits}f} points"
    else:
        start = f"{first} and {second} have the same EER"
    interval = f"the interval {'holds' if holds_0 else 'does not hold'} 0"
    told_apart = pair["p_value_holm"] <= 1 - LEVEL + 1e-9
    verdict = "tell the two apart" if told_apart else "do not tell the two apart"
    after = ", after the correction," if num_pairs > 1 else ""
    return f"{start}; {interval}, and{after} these trials {verdict}."
