"""Calibration and fusion by logistic regression: from scores to log-likelihood ratios.

    llr = w . s + b        (nats; s: the scores of one trial by K systems)

w and b minimise the prior-weighted logistic loss on a development set

    J(w, b) = p_b E_b[softplus(-(llr + tau))] + p_s E_s[softplus(llr + tau)],  tau = ln(p_b / p_s),

where p_s is the stated prior of a spoof, p_b = 1 - p_s, and E_b, E_s are means over a class's
trials. The prior says where the fit is best, not how many trials a class has: tau is no part of the
ratio. J is convex; at p_s = 1/2 it is Cllr, except for the unit.

Scores that separate the classes have no finite minimum. Only for such scores, the targets are
smoothed: each class's N trials count as their class with a share of (N + 1)/(N + 2) and as the
other class with the remaining 1/(N + 2). This is the rule of succession: the expected share of the
next trial if none of N trials was on the other side. These are Platt's smoothed targets, mixed so
that the prior stays p_s. They keep ratios of the order of ln N, which is all that N trials can
show; Cllr on the fitted trials may then rise. If the classes overlap, smoothing would shrink the
ratios without need (56 trials a class: the slope from 1.3 to 0.75), so it is left out. Scores
without information give 0.

Sources: N. Brummer and J. du Preez, "Application-independent evaluation of speaker detection",
Computer Speech and Language 20, 2006; N. Brummer et al., "Fusion of heterogeneous speaker
recognition systems in the STBU submission for the NIST speaker recognition evaluation 2006", IEEE
Trans. Audio, Speech and Language Processing 15, 2007; J. Platt, "Probabilistic outputs for support
vector machines and comparisons to regularized likelihood methods", Advances in Large Margin
Classifiers, 1999.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit, logit

from fad.evaluation.calibration.model import Calibration, System, score_matrix

_TOO_FAR = "the scores are too large or too close together to compute with: rescale them"
_NEAR = 1e-8  # norm of the gradient, as a share of J at 0, below which full steps are safe
_RAREST = 1e-12  # the rarest prior for which J is not too small to compute with
_FULL_STEPS = 2  # each doubles the number of correct digits


def fit_calibration(
    bonafide: ArrayLike,
    spoof: ArrayLike,
    p_spoof: float = 0.5,
    systems: Sequence[System] = (),
) -> Calibration:
    """Fits the calibration of one system, or the fusion of several.

    The slope of one system is never negative: if spoofs score higher than bona fide trials, the
    best slope that keeps the order of the scores is 0, and every ratio is 0. In a fusion, weights
    may be negative, as in any regression. Constant scores have the weight 0; systems with equal
    scores share their weight.

    Args:
        bonafide: (N_b,) or (N_b, K) scores of bona fide trials, higher is more bona fide.
        spoof: (N_s,) or (N_s, K) scores of spoofed trials.
        p_spoof: prior of a spoof for the fit, from 1e-12 to 1 - 1e-12.
        systems: descriptions of the K systems; by default they are numbered.

    Raises:
        ValueError: a class has no trial, a score is not finite or too large or small to compute
            with, the classes have different systems, or the prior is out of its range.
    """
    bonafide, spoof = score_matrix(bonafide, "bona fide"), score_matrix(spoof, "spoof")
    count = bonafide.shape[1]
    systems = tuple(systems) or tuple(System(f"system {number + 1}") for number in range(count))
    if not count == spoof.shape[1] == len(systems):
        raise ValueError(
            f"{count} systems score the bona fide trials, {spoof.shape[1]} the spoofs, and "
            f"{len(systems)} are named"
        )
    if not _RAREST <= p_spoof <= 1 - _RAREST:
        raise ValueError(f"p_spoof must lie between {_RAREST:g} and 1 - {_RAREST:g}, not {p_spoof}")
    objective, solution = _fit(bonafide, spoof, p_spoof)
    if count == 1 and solution[0] <= 0:
        solution = np.zeros(2)
    weights, offset = objective.undo_scaling(solution)
    if not np.isfinite([*weights, offset]).all():
        raise ValueError(_TOO_FAR)
    sizes = len(bonafide), len(spoof)
    return Calibration(tuple(weights.tolist()), float(offset), float(p_spoof), *sizes, systems)


@dataclass(frozen=True)
class _Objective:
    """J over standardised scores, as a function of K weights and the offset.

    Attributes:
        inputs: (N, K + 1) float64, the standardised scores of all trials and a column of ones.
        as_bonafide: (N,) weight of each trial as a bona fide trial.
        as_spoof: (N,) weight of each trial as a spoof; all weights together sum to 1.
        prior: tau, the prior's log odds of bona fide.
        centre: (K,) mean of each system's scores.
        scale: (K,) their standard deviation, infinite if they are constant.
    """

    inputs: np.ndarray
    as_bonafide: np.ndarray
    as_spoof: np.ndarray
    prior: float
    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(
        cls, bonafide: np.ndarray, spoof: np.ndarray, p_spoof: float, lent: np.ndarray
    ) -> "_Objective":
        """J with a share `lent` (2,) of each class's weight moved to the other class's trials."""
        scores = np.concatenate([bonafide, spoof])
        with np.errstate(over="ignore", invalid="ignore"):
            centre, scale = scores.mean(axis=0), scores.std(axis=0)
        constant = (scores == scores[0]).all(axis=0)  # their deviation may be only rounding
        scale[constant] = np.inf
        if not (np.isfinite(centre) & (np.isfinite(scale) | constant) & (scale > 0)).all():
            raise ValueError(_TOO_FAR)
        inputs = np.hstack([(scores - centre) / scale, np.ones((len(scores), 1))])

        sizes = np.array([len(bonafide), len(spoof)])
        own, other = (1 - lent) / sizes, lent / sizes[::-1]  # weights of trials in each class
        as_bonafide = (1 - p_spoof) * np.repeat([own[0], other[0]], sizes)
        as_spoof = p_spoof * np.repeat([other[1], own[1]], sizes)
        return cls(inputs, as_bonafide, as_spoof, -logit(p_spoof), centre, scale)

    def value(self, solution: np.ndarray) -> float:
        """J, in nats."""
        odds = self.inputs @ solution + self.prior
        return float(
            self.as_bonafide @ np.logaddexp(0, -odds) + self.as_spoof @ np.logaddexp(0, odds)
        )

    def gradient(self, solution: np.ndarray) -> np.ndarray:
        """The gradient of J, (K + 1,)."""
        odds = self.inputs @ solution + self.prior
        return self.inputs.T @ (self.as_spoof * expit(odds) - self.as_bonafide * expit(-odds))

    def hessian(self, solution: np.ndarray) -> np.ndarray:
        """The Hessian of J, (K + 1, K + 1)."""
        odds = self.inputs @ solution + self.prior
        curvature = (self.as_bonafide + self.as_spoof) * expit(odds) * expit(-odds)
        return self.inputs.T @ (curvature[:, None] * self.inputs)

    def undo_scaling(self, solution: np.ndarray) -> tuple[np.ndarray, float]:
        """Weights (K,) and offset for the scores before they were standardised."""
        weights = solution[:-1] / self.scale
        return weights, solution[-1] - weights @ self.centre


def _fit(bonafide: np.ndarray, spoof: np.ndarray, p_spoof: float) -> tuple[_Objective, np.ndarray]:
    """The objective, smoothed if the classes do not overlap, and its solution (K + 1,)."""
    sizes = np.array([len(bonafide), len(spoof)])
    smoothed = _Objective.of(bonafide, spoof, p_spoof, 1 / (sizes + 2))
    careful = _minimise(smoothed)
    if not _overlap(smoothed, careful, len(bonafide)):
        return smoothed, careful
    plain = _Objective.of(bonafide, spoof, p_spoof, np.zeros(2))
    try:
        solution = _minimise(plain)
    except ValueError:  # it diverges: a direction other than the smoothed one separates the classes
        return smoothed, careful
    if not _overlap(plain, solution, len(bonafide)):
        return smoothed, careful
    return plain, solution


def _overlap(objective: _Objective, solution: np.ndarray, num_bonafide: int) -> bool:
    """Whether some spoof has a higher ratio than some bona fide trial."""
    ratios = objective.inputs @ solution
    return bool(ratios[num_bonafide:].max() > ratios[:num_bonafide].min())


def _minimise(objective: _Objective) -> np.ndarray:
    """The weights and offset (K + 1,) of least J, by Newton's method from "every ratio is 0".

    The first steps stay in a trust region, since a full step may end where the logistic function is
    flat. If systems have equal scores, many weights are equally good; it takes the shortest
    solution.
    """
    start = np.zeros(objective.inputs.shape[1])
    near = minimize(
        objective.value,
        start,
        method="trust-ncg",
        jac=objective.gradient,
        hess=objective.hessian,
        options={"gtol": _NEAR * objective.value(start)},
    )
    if not near.success:
        raise ValueError(f"no calibration found ({near.message}): look for outliers in the scores")
    solution = near.x
    for _ in range(_FULL_STEPS):
        hessian, gradient = objective.hessian(solution), objective.gradient(solution)
        solution = solution - np.linalg.lstsq(hessian, gradient)[0]
    return solution
