"""Calibration of score files: fits it, applies it, and measures its costs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fad.data.tables import check_same_keys
from fad.evaluation.calibration.model import (
    REMEDY,
    Calibration,
    System,
    read_calibration,
)
from fad.evaluation.metrics.cllr import cllr, min_cllr
from fad.evaluation.metrics.dcf import ASVSPOOF5, act_dcf, min_dcf
from fad.evaluation.metrics.decisions import auc, decisions_at
from fad.evaluation.trials.score_files import ScoreFile
from fad.evaluation.trials.trials import Trials
from fad.experiment.directory import ExperimentDir
from fad.experiment.scores import recorded_weights
from fad.utils.errors import FadError
from fad.utils.files import sha256_file


def by_class(systems: Sequence[Trials]) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the same trials by K systems: bona fide (N_b, K) and spoof (N_s, K) float64."""
    is_bonafide = systems[0].is_bonafide
    scores = np.stack([system.scores for system in systems], axis=1)
    return scores[is_bonafide], scores[~is_bonafide]


def fit_files(
    paths: Sequence[Path], bonafide: np.ndarray, spoof: np.ndarray, p_spoof: float
) -> Calibration:
    """Fits scores (N_b, K) and (N_s, K) of `by_class`, and records their files and models.

    Raises:
        FadError: the scores cannot be fitted, or the prior is out of its range.
    """
    from fad.evaluation.calibration.logistic import (
        fit_calibration,  # imports SciPy, which no other function here needs
    )

    systems = [System(str(path), sha256_file(path), recorded_weights(path)) for path in paths]
    try:
        return fit_calibration(bonafide, spoof, p_spoof, systems)
    except ValueError as error:
        raise FadError(f"{', '.join(map(str, paths))}: {error}") from error


def fit_table(
    calibration: Calibration, bonafide: np.ndarray, spoof: np.ndarray
) -> tuple[list[str], list[list[str]]]:
    """Costs of each system's raw scores, and of the log-likelihood ratios, as header and rows."""
    rows = [("as log-likelihood ratios", calibration.llr(bonafide), calibration.llr(spoof))]
    for number, system in reversed(list(enumerate(calibration.systems))):
        rows.insert(0, (system.name, bonafide[:, number], spoof[:, number]))
    header = ["scores", "Cllr (bits)", "min Cllr", "actDCF", "minDCF"]
    return header, [
        [name, *(f"{metric(*classes):.6f}" for metric in (cllr, min_cllr, act_dcf, min_dcf))]
        for name, *classes in rows
    ]


def formula(calibration: Calibration) -> str:
    """The calibration as text, such as `llr = 0.94 * exp/lora/scores/dev - 1.36`."""
    pairs = zip(calibration.systems, calibration.weights, strict=True)
    terms = " + ".join(f"{weight:.6g} * {system.name}" for system, weight in pairs)
    sign = "-" if calibration.offset < 0 else "+"
    return f"llr = {terms} {sign} {abs(calibration.offset):.6g}"


def warnings_of_fit(calibration: Calibration, bonafide: np.ndarray, spoof: np.ndarray) -> list[str]:
    """A line for each system whose weight is 0 or negative, with a possible reason."""
    lines = []
    for number, (system, weight) in enumerate(
        zip(calibration.systems, calibration.weights, strict=True)
    ):
        if weight > 0:
            continue
        if auc(bonafide[:, number], spoof[:, number]) < 0.5:
            reason = "is its sign inverted?"
        elif weight < 0:
            reason = "by itself it ranks the classes correctly: do the systems repeat each other?"
        else:
            reason = "no information on these trials: are its scores equal, or are there outliers?"
        lines.append(f"{system.name}: its weight is {weight:.6g}: {reason}")
    return lines


def apply_to_files(
    calibration: Calibration, source: Path, files: Sequence[ScoreFile]
) -> dict[str, float]:
    """Computes the log-likelihood ratio of each utterance, in nats.

    Args:
        calibration: the calibration.
        source: its file, for messages.
        files: score files, one for each system, in the systems' order.

    Raises:
        FadError: there are more or fewer files than systems, a file is of another model than its
            system, the files have different trials, a ratio is not finite, or all would be equal.
    """
    if not calibration.has_information:
        raise FadError(
            f"{source}: has no information: each weight is 0, so that every ratio would be "
            f"{calibration.offset:g}: {REMEDY} on scores that tell the classes apart"
        )
    names = ", ".join(system.name for system in calibration.systems)
    if len(files) != len(calibration.systems):
        raise FadError(
            f"{source}: is of {len(calibration.systems)} systems and not of {len(files)}: give "
            f"--scores of these, in this order: {names}"
        )
    for file, system in zip(files, calibration.systems, strict=True):
        if system.model_sha256 and recorded_weights(file.path) != system.model_sha256:
            raise FadError(
                f"{file.path}: not of the model of {system.name}, which {source} was fitted on: "
                f"give --scores in the order {names}, or {REMEDY}"
            )
    check_same_keys({str(file.path): file.scores for file in files})
    utts = list(files[0].scores)
    matrix = np.array([[file.scores[utt] for file in files] for utt in utts])
    try:
        return dict(zip(utts, calibration.llr(matrix).tolist(), strict=True))
    except ValueError as error:
        raise FadError(f"{source}: {error}: {REMEDY}") from error


def read_model_calibration(exp: ExperimentDir) -> Calibration:
    """The calibration beside a model, `exp/<tag>/calibration.json`.

    Raises:
        FadError: it is missing or malformed, was fitted with other weights than the model has now,
            or is of several systems.
    """
    path = exp.calibration
    calibration = read_calibration(path)
    if len(calibration.systems) > 1:
        raise FadError(f"{path}: is a fusion of {len(calibration.systems)} systems: {REMEDY}")
    if calibration.systems[0].model_sha256 != exp.weights_sha256():
        raise FadError(f"{path}: of other weights than {exp.weights}: {REMEDY}")
    return calibration


def calibrated_results(trials: Trials, calibration: Calibration) -> dict[str, Any]:
    """Results, for results.json, of one system's scores as calibrated log-likelihood ratios.

    Costs and prior are ASVspoof 5's, as in the results before calibration.

    Raises:
        FadError: the calibration is of several systems, or a ratio is not finite.
    """
    try:
        ratios = calibration.llr(trials.scores)
    except ValueError as error:
        raise FadError(f"{trials.name}: calibrated, {error}: {REMEDY}") from error
    bonafide, spoof = ratios[trials.is_bonafide], ratios[~trials.is_bonafide]
    return {
        "scale": calibration.weights[0],
        "offset": calibration.offset,
        "p_spoof": calibration.p_spoof,
        "fitted_on": {"bonafide": calibration.bonafide, "spoof": calibration.spoof},
        "act_dcf": act_dcf(bonafide, spoof),
        "cllr_bits": cllr(bonafide, spoof),
        "bayes_threshold": ASVSPOOF5.bayes_threshold,
        "decisions": vars(decisions_at(bonafide, spoof, ASVSPOOF5.bayes_threshold)),
    }
