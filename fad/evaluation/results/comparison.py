"""Two or more systems on the same trials: their EERs, and whether they differ significantly.

The test is `fad.evaluation.metrics.paired`. If there are more than two systems, every pair is
tested, and the p-values are corrected for that (Holm). EERs and their differences are in percent.
"""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

import numpy as np

from fad.evaluation.metrics.eer import eer
from fad.evaluation.metrics.paired import RESAMPLES, holm, interval_rank, paired_tests
from fad.evaluation.results.tables import decimal
from fad.evaluation.results.text import terminal_table
from fad.evaluation.trials.trials import Trials, choose_phase
from fad.utils.errors import FadError

LEVEL = 0.95


def compare_systems(
    systems: Sequence[Trials], resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Computes the EERs and every pair's difference, as plain numbers and strings.

    Args:
        systems: each system's scores of the same trials, of one phase, from
            `fad.evaluation.trials.reading.read_systems`.
        resamples: number of bootstrap samples.
        seed: of the bootstrap, from 0.

    Raises:
        FadError: fewer than two systems, more systems than letters, or too few bootstrap samples.
    """
    if not 2 <= len(systems) <= len(ascii_uppercase):
        raise FadError(
            f"{len(systems)} files of scores: give --scores twice or more, "
            f"at most {len(ascii_uppercase)} times"
        )
    trials = systems[0]
    try:
        interval_rank(resamples, LEVEL)
    except ValueError as error:
        raise FadError(f"{trials.name}: {error}: raise --resamples") from error
    scores = [system.scores for system in systems]
    tests = paired_tests(
        scores, trials.is_bonafide, trials.speakers, resamples, level=LEVEL, seed=seed
    )
    corrected = holm([test.p_value for test in tests])
    interval = tests[0].interval
    return {
        "bonafide": int(np.sum(trials.is_bonafide)),
        "spoof": int(np.sum(~trials.is_bonafide)),
        "phase": choose_phase(trials),
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
    draws = f"{results['resamples']:,} bootstrap samples of {results['units']:,} {results['over']}"
    pairs = results["pairs"]
    several = len(pairs) > 1
    of_phase = f" of the phase {results['phase']}" if results["phase"] else ""
    systems = [
        [system["system"], decimal(system["eer_percent"], digits), system["scores"]]
        for system in results["systems"]
    ]
    header = ["pair", "difference", "low", "high", "p", *(["p (Holm)"] if several else [])]
    parts = [
        f"{results['bonafide']:,} bona fide and {results['spoof']:,} spoofed trials{of_phase}, the "
        f"same for all systems\n{draws}, the same for all systems",
        terminal_table(["system", "EER %", "scores"], systems),
        terminal_table(header, [_row(pair, digits, several) for pair in pairs])
        + f"\ndifference of EERs in percentage points, with its {100 * LEVEL:.0f} % interval",
        "\n".join(_sentence(pair, digits, len(pairs)) for pair in pairs),
    ]
    if several:
        parts.append(
            f"p (Holm) is corrected for {len(pairs)} comparisons: calling pairs at "
            f"{1 - LEVEL:.2f} or below different errs in any of them with at most that probability"
        )
    return "\n\n".join(parts)


def _row(pair: Mapping[str, Any], digits: int, several: bool) -> list[str]:
    keys = ("difference_percent", "low_percent", "high_percent")
    row = [f"{pair['first']} - {pair['second']}", *(f"{pair[key]:+.{digits}f}" for key in keys)]
    row.append(f"{pair['p_value']:.4f}")
    return [*row, f"{pair['p_value_holm']:.4f}"] if several else row


def _sentence(pair: Mapping[str, Any], digits: int, num_pairs: int) -> str:
    """A pair's result in words."""
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
