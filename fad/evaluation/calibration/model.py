"""A calibration, and its file `exp/<tag>/calibration.json`.

    llr = w . s + b        (nats; s: the scores of one trial by K systems)

`fad.evaluation.calibration.logistic` fits it. The file is read strictly: anything unknown is
refused.
"""

import json
import re
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fad.evaluation.metrics.det import check_scores
from fad.utils.errors import FadError
from fad.utils.files import write_json

VERSION = 1
REMEDY = "fit it again (stage 4, or python -m fad.bin.calibrate)"
_KEYS = {"version", "p_spoof", "offset", "trials", "systems"}
_SHA256 = re.compile("[0-9a-f]{64}")
_PLAIN = re.compile("[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,1000}")
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class System:
    """Where the scores of one system came from.

    Attributes:
        name: a name for people, such as the path of the scores.
        scores_sha256: of the file of the fitted scores, None if there was none.
        model_sha256: of the weights of the model that made them, None if not known.
    """

    name: str
    scores_sha256: str | None = None
    model_sha256: str | None = None


@dataclass(frozen=True)
class Calibration:
    """A map from scores to log-likelihood ratios.

    Attributes:
        weights: K slopes, in nats per unit of each system's scores.
        offset: nats; the prior is not in it.
        p_spoof: the prior of a spoof in the fit.
        bonafide: number of bona fide trials in the fit.
        spoof: number of spoofed trials in the fit.
        systems: the K systems, in the order of the scores.
    """

    weights: tuple[float, ...]
    offset: float
    p_spoof: float
    bonafide: int
    spoof: int
    systems: tuple[System, ...]

    @property
    def has_information(self) -> bool:
        """Whether ratios depend on the scores; otherwise all are the same."""
        return any(self.weights)

    def llr(self, scores: ArrayLike) -> np.ndarray:
        """Log-likelihood ratios (N,) float64 in nats of scores (N, K), or (N,) of one system.

        Raises:
            ValueError: the scores have another number of systems, or a score or a ratio is not
                finite.
        """
        scores = score_matrix(scores, "trial")
        if scores.shape[1] != len(self.weights):
            raise ValueError(
                f"scores of {scores.shape[1]} systems for a calibration of {len(self.weights)}"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            ratios = scores @ np.array(self.weights) + self.offset
        return check_scores(ratios, "calibrated")


def score_matrix(scores: ArrayLike, name: str) -> np.ndarray:
    """Returns scores (N,) or (N, K) as (N, K) float64.

    Raises:
        ValueError: there are no scores, they have another shape, or one is not finite.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim != 2 or not scores.shape[1]:
        raise ValueError(f"{name} scores must be of shape (N,) or (N, K), not {scores.shape}")
    for column in scores.T:
        check_scores(column, name)
    return scores


def write_calibration(path: str | Path, calibration: Calibration) -> None:
    """Writes a calibration as JSON, atomically; the same calibration gives the same bytes."""
    pairs = zip(calibration.systems, calibration.weights, strict=True)
    content = {
        "version": VERSION,
        "p_spoof": calibration.p_spoof,
        "offset": calibration.offset,
        "trials": {"bonafide": calibration.bonafide, "spoof": calibration.spoof},
        "systems": [{**asdict(system), "weight": weight} for system, weight in pairs],
    }
    write_json(path, content)


def read_calibration(path: str | Path) -> Calibration:
    """Reads a calibration.

    Raises:
        FadError: the file is missing, no JSON, of another version, lacks a key or has an unknown
            one, or a value is wrong; the line names the file and the remedy.
    """
    content = _read_json(Path(path))
    try:
        if isinstance(content, dict) and content.get("version") != VERSION:
            raise ValueError(
                f"is of version {str(content.get('version'))[:20]!r} where {VERSION} is read"
            )
        _check_keys(content, _KEYS, "it")
        trials, systems = content["trials"], content["systems"]
        _check_keys(trials, {"bonafide", "spoof"}, "'trials'")
        if not isinstance(systems, list) or not systems:
            raise ValueError("'systems' is no list of systems")
        p_spoof = _number(content["p_spoof"], "p_spoof")
        if not 0 < p_spoof < 1:
            raise ValueError(f"'p_spoof' is {p_spoof}, not between 0 and 1")
        return Calibration(
            systems=tuple(_system(entry) for entry in systems),
            weights=tuple(_number(entry["weight"], "weight") for entry in systems),
            offset=_number(content["offset"], "offset"),
            p_spoof=p_spoof,
            bonafide=_count(trials["bonafide"], "bonafide"),
            spoof=_count(trials["spoof"], "spoof"),
        )
    except ValueError as error:
        raise FadError(f"{path}: {error}: {REMEDY}") from None


def _read_json(path: Path) -> Any:
    """Reads a JSON file in which no key occurs twice."""
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise FadError(f"{path}: cannot be read ({error.strerror}): {REMEDY}") from None
    if len(content) > _MAX_BYTES:
        raise FadError(f"{path}: over {_MAX_BYTES} bytes, so no calibration: {REMEDY}")
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_once)
    # UnicodeDecodeError is a ValueError; RecursionError: a thousand "[".
    except (ValueError, RecursionError) as error:
        reason = str(error) if _PLAIN.fullmatch(str(error)) else "a control character"
        raise FadError(f"{path}: is no JSON ({reason}): {REMEDY}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; if a key occurs twice, `json` would silently keep only the last value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _system(entry: Any) -> System:
    _check_keys(entry, {"name", "scores_sha256", "model_sha256", "weight"}, "a system")
    name = entry["name"]
    if not isinstance(name, str) or not _PLAIN.fullmatch(name):
        raise ValueError("the 'name' of a system is no line of text")
    return System(name, *(_sha256(entry[key], key) for key in ("scores_sha256", "model_sha256")))


def _check_keys(value: Any, keys: set[str], what: str) -> None:
    if not isinstance(value, dict) or value.keys() != keys:
        raise ValueError(f"{what} has not the keys {', '.join(sorted(keys))}, and these alone")


def _number(value: Any, key: str) -> float:
    if type(value) is not float or not isfinite(value):
        raise ValueError(f"'{key}' is no finite number with a decimal point")
    return value


def _count(value: Any, key: str) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"'{key}' is no number of trials, from 1 up")
    return value


def _sha256(value: Any, key: str) -> str | None:
    if value is not None and not (isinstance(value, str) and _SHA256.fullmatch(value)):
        raise ValueError(f"'{key}' is neither null nor a sha256")
    return value
