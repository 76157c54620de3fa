"""A million synthetic trials: time and peak memory of every metric, beside a loop over thresholds.

    python -m tests.bench.million_trials [--trials 1000000] [--thresholds 100] [--resamples 200]

One trial in ten is bona fide. Each metric runs in a process of its own, whose peak memory the
system tells; given is what comes on top of the scores. The plain way to a metric of thresholds is

    for t in thresholds: p_miss = np.mean(bonafide <= t); p_fa = np.mean(spoof > t)

over all scores as thresholds; to an interval, drawing all trials anew and taking the EER (our own,
not the loop's) of each draw. Both would take long, so they are run over a few thresholds and draws,
on all trials, and their times multiplied: every threshold and every draw costs the same. On few
trials the loop is run whole first, and must find the same EER and minDCF. `-` is where the plain
way is a line of numpy, or where there is none so simple.
"""

import argparse
import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from fad.evaluation.metrics.bootstrap import eer_interval
from fad.evaluation.metrics.cllr import cllr, min_cllr
from fad.evaluation.metrics.dcf import ASVSPOOF5, act_dcf, min_dcf
from fad.evaluation.metrics.decisions import auc
from fad.evaluation.metrics.det import det_curve
from fad.evaluation.metrics.eer import eer
from fad.evaluation.metrics.paired import paired_tests
from fad.evaluation.metrics.tdcf import asv_rates, min_tdcf_2019, min_tdcf_2021
from fad.evaluation.results.text import terminal_table
from fad.evaluation.sasv.adcf import min_adcf
from fad.evaluation.sasv.eer import sasv_eers
from fad.evaluation.sasv.teer import concurrent_teer

CHECKED_TRIALS = 2000
DRAWS_TIMED = 10
SPEAKERS = 500


class Case(NamedTuple):
    """A metric; its plain way takes some loops over all thresholds, or some draws of all trials."""

    name: str
    compute: Callable[[], object]
    loops: int = 0
    draws: int = 0


def synthetic(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal scores of bona fide and of spoofed trials, near log-likelihood ratios in nats."""
    rng = np.random.default_rng(0)
    num_bonafide = count // 10
    return rng.normal(4, 3, num_bonafide), rng.normal(-4, 3, count - num_bonafide)


def loop(bonafide: np.ndarray, spoof: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """(2, thresholds) miss and false alarm rates, the plain way."""
    return np.array([(np.mean(bonafide <= t), np.mean(spoof > t)) for t in thresholds]).T


def check(bonafide: np.ndarray, spoof: np.ndarray) -> None:
    """Stops where the loop, run whole, and the metrics differ on these trials."""
    p_miss, p_fa = loop(bonafide, spoof, np.sort(np.concatenate([bonafide, spoof])))
    closest = np.argmin(np.abs(p_miss - p_fa))
    np.testing.assert_allclose(eer(bonafide, spoof)[0], (p_miss + p_fa)[closest] / 2)
    np.testing.assert_allclose(
        min_dcf(bonafide, spoof), np.min(ASVSPOOF5.normalised(p_miss, p_fa)), rtol=1e-12
    )


def cases(bonafide: np.ndarray, spoof: np.ndarray, resamples: int) -> Iterator[Case]:
    """Every metric on these scores; where ASV scores are needed, half of the spoofs are others'."""
    rng = np.random.default_rng(1)
    nontarget, asv_spoof = np.array_split(spoof, 2)
    asv = asv_rates(bonafide, nontarget, asv_spoof)
    speakers = [rng.integers(SPEAKERS, size=scores.size) for scores in (bonafide, spoof)]
    scores = np.concatenate([bonafide, spoof])
    others = scores + rng.normal(size=scores.size)
    is_bonafide = np.arange(scores.size) < bonafide.size

    def interval(*of: np.ndarray) -> Callable[[], object]:
        return lambda: eer_interval(bonafide, spoof, *of, resamples=resamples)

    def paired(of: np.ndarray | None) -> Callable[[], object]:
        return lambda: paired_tests([scores, others], is_bonafide, of, resamples=resamples)

    yield Case("EER", lambda: eer(bonafide, spoof), 1)
    yield Case("min t-DCF 2019", lambda: min_tdcf_2019(bonafide, spoof, asv), 1)
    yield Case("min t-DCF 2021", lambda: min_tdcf_2021(bonafide, spoof, asv), 1)
    yield Case("minDCF", lambda: min_dcf(bonafide, spoof), 1)
    yield Case("actDCF", lambda: act_dcf(bonafide, spoof))
    yield Case("Cllr", lambda: cllr(bonafide, spoof))
    yield Case("min Cllr", lambda: min_cllr(bonafide, spoof))
    yield Case("AUC", lambda: auc(bonafide, spoof), 1)
    yield Case("DET curve", lambda: det_curve(bonafide, spoof), 1)
    yield Case("min a-DCF", lambda: min_adcf(bonafide, nontarget, asv_spoof), 1)
    yield Case("SASV-, SV-, SPF-EER", lambda: sasv_eers(bonafide, nontarget, asv_spoof), 3)
    yield Case("t-EER", lambda: concurrent_teer(bonafide, spoof, bonafide, nontarget, asv_spoof))
    yield Case("EER interval, trials", interval(), draws=resamples)
    yield Case(f"EER interval, {SPEAKERS} speakers", interval(*speakers), draws=resamples)
    yield Case("paired test, trials", paired(None), draws=2 * resamples)
    yield Case(
        f"paired test, {SPEAKERS} speakers", paired(np.concatenate(speakers)), draws=2 * resamples
    )


def measured(compute: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and peak memory (MB) on top of this process's, in a copy of this process.

    Raises:
        RuntimeError: it fails.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        try:
            compute()
            os.write(writing, json.dumps([time.perf_counter() - started, before]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, _, usage = os.wait4(child, 0)
    if not answer:
        raise RuntimeError("a metric failed")
    seconds, before = json.loads(answer)
    return seconds, (usage.ru_maxrss - before) / 1024


def plain_seconds(bonafide: np.ndarray, spoof: np.ndarray, thresholds: int) -> tuple[float, float]:
    """Seconds of one loop over all thresholds, from a few, and of one draw of all trials."""
    rng = np.random.default_rng(2)
    few = rng.choice(spoof, thresholds)
    started = time.perf_counter()
    loop(bonafide, spoof, few)
    one_threshold = (time.perf_counter() - started) / thresholds
    started = time.perf_counter()
    for _ in range(DRAWS_TIMED):
        eer(rng.choice(bonafide, bonafide.size), rng.choice(spoof, spoof.size))
    one_draw = (time.perf_counter() - started) / DRAWS_TIMED
    return one_threshold * (bonafide.size + spoof.size), one_draw


def row(case: Case, loop_seconds: float, draw_seconds: float) -> list[str]:
    """One metric: its time and memory, the plain way's time, and that as a multiple of ours."""
    seconds, peak = measured(case.compute)
    plain = case.loops * loop_seconds + case.draws * draw_seconds
    ratio = [f"{plain:,.0f}", f"{plain / seconds:,.0f}"] if plain else ["-", "-"]
    return [case.name, f"{seconds:.3f}", f"{peak:.0f}", *ratio]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1_000_000)
    parser.add_argument("--thresholds", type=int, default=100, help="that the loop is run over")
    parser.add_argument("--resamples", type=int, default=200, help="of the intervals")
    args = parser.parse_args()
    check(*synthetic(CHECKED_TRIALS))
    bonafide, spoof = synthetic(args.trials)
    plain = plain_seconds(bonafide, spoof, args.thresholds)
    print(
        f"{args.trials:,} trials, {8 * args.trials / 2**20:.0f} MB of scores; "
        f"{args.resamples} resamples; the plain way timed over {args.thresholds} thresholds and "
        f"{DRAWS_TIMED} draws, and multiplied"
    )
    header = ["metric", "s", "MB", "plain s", "times"]
    rows = [row(case, *plain) for case in cases(bonafide, spoof, args.resamples)]
    print(terminal_table(header, rows))


if __name__ == "__main__":
    main()
