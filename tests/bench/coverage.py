"""How often the interval of the EER holds the true EER, by simulation.

    python -m tests.bench.coverage [--simulations 400]

Scores are normal, two standard deviations apart within a speaker. Each speaker has an effect, in
the same unit, that all of the speaker's trials share; a speaker has trials of one class. The true
EER is that of endless speakers: Phi(-1 / sqrt(1 + effect^2)).
"""

import argparse
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from fad.evaluation.metrics.bootstrap import eer_interval
from fad.evaluation.results.text import terminal_table
from fad.utils.cli import run

SPEAKERS = (5, 10, 20, 30, 100)
EFFECTS = (0.0, 0.5, 1.0)
TRIALS = 20  # of a speaker


def true_eer(effect: float) -> float:
    """The EER of the distribution."""
    return float(ndtr(-1 / np.sqrt(1 + effect**2)))


def draw(rng: np.random.Generator, speakers: int, effect: float, mean: float) -> np.ndarray:
    """Scores (speakers * TRIALS,) of a class, speaker by speaker."""
    effects = effect * rng.normal(size=(speakers, 1))
    return (mean + effects + rng.normal(size=(speakers, TRIALS))).ravel()


def covered(speakers: int, effect: float, simulations: int, resamples: int = 200) -> float:
    """The share of simulations whose 95 % interval holds the true EER."""
    rng, held = np.random.default_rng([speakers, int(10 * effect)]), 0
    names = np.repeat(np.arange(speakers), TRIALS).astype(str)
    for seed in range(simulations):
        bonafide, spoof = (draw(rng, speakers, effect, mean) for mean in (1.0, -1.0))
        found = eer_interval(
            bonafide, spoof, np.char.add("b", names), np.char.add("s", names), resamples, seed=seed
        )
        held += found.low <= true_eer(effect) <= found.high
    return held / simulations


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the coverage of 95 % intervals, in percent."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.coverage", description=__doc__)
    parser.add_argument("--simulations", type=int, default=400, help="of each cell (400)")
    args = parser.parse_args(argv)
    header = ["speakers a class", *(f"effect {effect:g}" for effect in EFFECTS)]
    rows = [
        [f"{speakers}", *(f"{100 * covered(speakers, e, args.simulations):.1f}" for e in EFFECTS)]
        for speakers in SPEAKERS
    ]
    print(terminal_table(header, rows))


if __name__ == "__main__":
    run(main)
