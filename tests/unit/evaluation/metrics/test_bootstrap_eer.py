import numpy as np
import pytest

from fad.evaluation.metrics.bootstrap_eer import ResampledEers, bootstrap_eers
from fad.evaluation.metrics.bootstrap_units import choose_resampling_units
from fad.evaluation.metrics.eer import eer


def counted(scores, is_bonafide, times):
    """The EER of trials that are each repeated some times."""
    scores, is_bonafide = np.repeat(scores, times), np.repeat(is_bonafide, times)
    return eer(scores[is_bonafide], scores[~is_bonafide])[0]


# as many units as trials, fewer, and so few that whole halves are counted at once
@pytest.mark.parametrize("num_units", [60, 12, 3])
@pytest.mark.parametrize("num_scores", [1, 2, 9, 10_000])
def test_the_eer_of_a_sample_is_that_of_its_trials_repeated(num_units, num_scores):
    rng = np.random.default_rng(num_units + num_scores)
    for _ in range(8):
        scores = rng.integers(0, num_scores, 60).astype(float)
        is_bonafide = rng.permutation(60) < 20
        units = rng.integers(0, num_units, 60)
        units[:num_units] = np.arange(num_units)
        weights = rng.integers(0, 4, (num_units, 10))
        weights[units[is_bonafide.argmax()]] += 1
        weights[units[is_bonafide.argmin()]] += 1
        found = ResampledEers(scores, is_bonafide, units)(weights.astype(float))
        repeated = [counted(scores, is_bonafide, draw[units]) for draw in weights.T]
        assert found.tolist() == repeated


def test_perfect_and_inverted_scores_have_0_and_1_in_every_sample():
    is_bonafide = np.arange(12) < 5
    scores = np.where(is_bonafide, 1.0, -1.0) + 0.01 * np.arange(12)
    units = choose_resampling_units([scores, -scores], is_bonafide, None)
    perfect, inverted = bootstrap_eers([scores, -scores], is_bonafide, units, 50, seed=0)
    assert set(perfect) == {0.0}
    assert set(inverted) == {1.0}


def test_every_system_is_counted_on_the_same_samples():
    rng = np.random.default_rng(1)
    scores, is_bonafide = rng.normal(size=300), np.arange(300) < 100
    scores[is_bonafide] += 1
    systems = [scores, 3 * scores - 7, scores + rng.normal(size=300)]
    units = choose_resampling_units(systems, is_bonafide, None)
    same, affine, other = bootstrap_eers(systems, is_bonafide, units, 100, seed=0)
    assert same.tolist() == affine.tolist() != other.tolist()
