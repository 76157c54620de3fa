"""Formats one recording's output: its score or, if calibrated, its ratio and the decision."""

import argparse
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from fad.evaluation.calibration.files import read_model_calibration
from fad.evaluation.calibration.model import Calibration
from fad.evaluation.metrics.dcf import DcfCosts
from fad.experiment.directory import ExperimentDir
from fad.utils.cli import parse_bool
from fad.utils.errors import FadError

_COSTS = {
    "p_spoof": "prior of a spoof where you listen",
    "c_miss": "cost of a bona fide recording taken for a spoof",
    "c_fa": "cost of a spoof taken for bona fide",
}


EVEN = DcfCosts(p_spoof=0.5, c_miss=1, c_fa=1)
"""The default: a ratio of 0, which says nothing, is the threshold."""


@dataclass(frozen=True)
class Score:
    """Prints the model's score."""

    columns = ("score",)

    def of(self, score: float) -> tuple[str, ...]:
        """The score with six digits."""
        return (f"{score:.6f}",)


@dataclass(frozen=True)
class Decision:
    """Prints the log-likelihood ratio in nats and a decision.

    The decision is `bonafide` from the Bayes threshold on and `spoof` below it.

    Attributes:
        calibration: the calibration of the model that scores.
        costs: the prior and the costs that determine the threshold.
        source: the calibration's file, for messages.
    """

    calibration: Calibration
    costs: DcfCosts
    source: Path

    columns = ("llr", "decision")

    def of(self, score: float) -> tuple[str, ...]:
        """The ratio and the decision.

        Raises:
            FadError: the ratio is not finite.
        """
        try:
            (ratio,) = self.calibration.llr([score])
        except ValueError as error:
            raise FadError(f"{self.source}: {error}: fit it again (stage 4)") from error
        label = "bonafide" if ratio >= self.costs.bayes_threshold else "spoof"
        return f"{ratio:z.6f}", label


def add_answer_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--calibrated` and the prior and costs of the decision."""
    text = "print a log-likelihood ratio and a decision (default false)"
    parser.add_argument(
        "--calibrated", type=parse_bool, default=False, metavar="true|false", help=text
    )
    for name, text in _COSTS.items():
        default = getattr(EVEN, name)
        parser.add_argument(f"--{name}", type=float, help=f"{text} (default {default:g})")


def read_answer(args: argparse.Namespace) -> Score | Decision:
    """The output that the options of `add_answer_options` ask for; logs the Bayes threshold.

    Raises:
        FadError: a prior or a cost is out of its range or given without `--calibrated true`, or the
            model has no calibration of its own.
    """
    given = {name: getattr(args, name) for name in _COSTS if getattr(args, name) is not None}
    if not args.calibrated:
        if given:
            raise FadError(f"--{next(iter(given))} is for decisions: add --calibrated true")
        return Score()
    try:
        costs = replace(EVEN, **given)
    except ValueError as error:
        raise FadError(f"--calibrated true: {error}") from error
    model = ExperimentDir(args.model)
    calibration = read_model_calibration(model)
    if not calibration.has_information:
        raise FadError(
            f"{model.calibration}: has no information: on dev, higher scores were not more bona "
            "fide, so every ratio would be the same: leave --calibrated out, or train anew"
        )
    logging.info(
        "bonafide from %s nats on (p_spoof %g, c_miss %g, c_fa %g)",
        *(f"{costs.bayes_threshold:z.6f}", costs.p_spoof, costs.c_miss, costs.c_fa),
    )
    return Decision(calibration, costs, model.calibration)
