"""What is said of one recording: its score or, calibrated, its ratio and the decision."""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path

from fad.evaluation.calibration.files import read_model_calibration
from fad.evaluation.calibration.model import Calibration
from fad.evaluation.metrics.dcf import ASVSPOOF5, DcfCosts
from fad.experiment.directory import ExperimentDir
from fad.utils.cli import parse_bool
from fad.utils.errors import FadError

_COSTS = {
    "p_spoof": "prior of a spoof where you listen",
    "c_miss": "cost of a bona fide recording taken for a spoof",
    "c_fa": "cost of a spoof taken for bona fide",
}


@dataclass(frozen=True)
class Score:
    """The score as the model gives it."""

    columns = "score"

    def of(self, score: float) -> str:
        """The score with six digits."""
        return f"{score:.6f}"


@dataclass(frozen=True)
class Decision:
    """The log-likelihood ratio in nats; `bonafide` from the Bayes threshold on, below it `spoof`.

    Attributes:
        calibration: of the one model that scores.
        costs: the prior and the costs that make the threshold.
        source: the calibration's file, for messages.
    """

    calibration: Calibration
    costs: DcfCosts
    source: Path

    columns = "log-likelihood ratio in nats, decision"

    def of(self, score: float) -> str:
        """Both, with a tab between them.

        Raises:
            FadError: the ratio is not finite.
        """
        try:
            (ratio,) = self.calibration.llr([score])
        except ValueError as error:
            raise FadError(f"{self.source}: {error}: fit it again (stage 4)") from error
        label = "bonafide" if ratio >= self.costs.bayes_threshold else "spoof"
        return f"{ratio:z.6f}\t{label}"


def add_answer_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--calibrated` and the prior and costs of the decision."""
    text = "print a log-likelihood ratio and a decision (default false)"
    parser.add_argument(
        "--calibrated", type=parse_bool, default=False, metavar="true|false", help=text
    )
    for name, text in _COSTS.items():
        default = getattr(ASVSPOOF5, name)
        parser.add_argument(f"--{name}", type=float, help=f"{text} (default {default:g})")


def read_answer(args: argparse.Namespace) -> Score | Decision:
    """What the options of `add_answer_options` ask for; the Bayes threshold is logged.

    Raises:
        FadError: a prior or a cost is out of its range or has nothing to decide, or the model has
            no calibration of its own.
    """
    given = {name: getattr(args, name) for name in _COSTS if getattr(args, name) is not None}
    if not args.calibrated:
        if given:
            raise FadError(f"--{next(iter(given))} is for decisions: add --calibrated true")
        return Score()
    try:
        costs = DcfCosts(**given)
    except ValueError as error:
        raise FadError(f"--calibrated true: {error}") from error
    model = ExperimentDir(args.model)
    calibration = read_model_calibration(model)
    logging.info("bonafide from %s nats on", f"{costs.bayes_threshold:z.6f}")
    return Decision(calibration, costs, model.calibration)
