"""Real scores for the metrics: a published countermeasure and the organisers' ASV system."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

SHARED = Path(__file__).parents[4] / "shared" / "data"


class RealScores(NamedTuple):
    """CM scores (71237,) with label and attack, and ASV scores by kind of trial."""

    scores: np.ndarray
    is_bonafide: np.ndarray
    attacks: np.ndarray
    asv: dict[str, np.ndarray]

    @property
    def bonafide(self) -> np.ndarray:
        return self.scores[self.is_bonafide]

    @property
    def spoof(self) -> np.ndarray:
        return self.scores[~self.is_bonafide]


@pytest.fixture(scope="session")
def real() -> RealScores:
    corpus = Path(os.environ.get("FAD_SHARED_DATA", SHARED)) / "asvspoof2019_la"
    if not corpus.is_dir():
        pytest.skip(f"the ASVspoof 2019 LA scores are not there: {corpus} (set FAD_SHARED_DATA)")
    cm = np.loadtxt(corpus / "cm_scores" / "RawGAT_ST_add.txt", dtype=str)
    asv_file = corpus / "asv_scores" / "ASVspoof2019.LA.asv.eval.gi.trl.scores.txt"
    asv = np.loadtxt(asv_file, dtype=str)
    kinds = ("target", "nontarget", "spoof")
    return RealScores(
        scores=cm[:, 3].astype(float),
        is_bonafide=cm[:, 2] == "bonafide",
        attacks=cm[:, 1],
        asv={kind: asv[asv[:, 1] == kind, 2].astype(float) for kind in kinds},
    )
