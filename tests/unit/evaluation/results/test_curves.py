import json

import numpy as np
import pytest

from fad.evaluation.metrics.dcf import DcfCosts, act_dcf, min_dcf
from fad.evaluation.metrics.det import probit
from fad.evaluation.metrics.eer import eer
from fad.evaluation.results.curves import DET_STEPS, HARDEST, read_curves, set_curves, write_curves
from fad.evaluation.trials.trials import Trials, make_trials
from fad.experiment.directory import ExperimentDir
from fad.utils.errors import FadError


def some_trials(count=3000, seed=0, digits=6) -> Trials:
    """Twice as many spoofs, of three attacks, as bona fide; few digits make ties."""
    rng = np.random.default_rng(seed)
    attacks = ["-"] * count + ["A01", "A02", "A03"] * (2 * count // 3)
    means = {"-": 2.0, "A01": -1.0, "A02": 0.0, "A03": 1.0}
    utts = [f"u{index:06d}" for index in rng.permutation(len(attacks))]
    scores = {
        utt: round(means[attack] + rng.normal(), digits)
        for utt, attack in zip(utts, attacks, strict=True)
    }
    labels = {
        utt: "bonafide" if attack == "-" else "spoof"
        for utt, attack in zip(utts, attacks, strict=True)
    }
    columns = {
        "attack": dict(zip(utts, attacks, strict=True)),
        "speaker": {utt: f"s{int(utt[1:]) % 7}" for utt in utts},
    }
    return make_trials("eval", scores, labels, columns)


def points_by_counting(bonafide, spoof):
    """Every (false alarms, misses) that a threshold reaches, from the definition."""
    thresholds = [-np.inf, *np.unique(np.concatenate([bonafide, spoof]))]
    return [(int((spoof > t).sum()), int((bonafide <= t).sum())) for t in thresholds]


def points_of(det):
    return list(zip(det["false_alarms"], det["misses"], strict=True))


@pytest.mark.parametrize("digits", [6, 1])
def test_each_point_of_a_det_curve_is_an_operating_point(digits):
    trials = some_trials(300, digits=digits)
    found = set_curves(trials, {"A01"}, None, {})["det"]
    assert list(found) == ["all", "seen", "unseen"]
    spoofs = {
        "all": trials.spoof,
        "seen": trials.scores[trials.attacks == "A01"],
        "unseen": trials.scores[np.isin(trials.attacks, ["A02", "A03"])],
    }
    for name, det in found.items():
        real = points_by_counting(trials.bonafide, spoofs[name])
        points = points_of(det)
        assert set(points) <= set(real)
        assert (points[0], points[-1]) == (real[0], real[-1])
        assert points == sorted(points, key=lambda point: (-point[0], point[1]))
        assert (det["bonafide"], det["spoof"]) == (300, spoofs[name].size)
        assert det["eer_percent"] == 100 * eer(trials.bonafide, spoofs[name])[0]


def test_a_thinned_curve_is_small_and_never_far_from_what_it_leaves_out():
    trials = some_trials(5_000)
    det = set_curves(trials, set(), None, {})["det"]["all"]
    points = np.array(points_of(det))
    assert 200 < len(points) <= DET_STEPS + 2

    def place(points):
        false_alarm, miss = points.T / [[trials.spoof.size], [trials.bonafide.size]]
        floors = 0.5 / (trials.spoof.size + 1), 0.5 / (trials.bonafide.size + 1)
        return np.stack([probit(false_alarm, floors[0]), probit(miss, floors[1])], axis=1)

    every = place(np.array(points_by_counting(trials.bonafide, trials.spoof)[::7]))
    assert distance_to_lines(every, place(points)).max() < 0.02


def distance_to_lines(points, corners):
    """Distance of each point (P, 2) to the line that joins the corners (C, 2)."""
    start, step = corners[:-1], np.diff(corners, axis=0)
    along = ((points[:, None] - start) * step).sum(axis=2) / (step**2).sum(axis=1)
    nearest = start + np.clip(along, 0, 1)[..., None] * step
    return np.linalg.norm(points[:, None] - nearest, axis=2).min(axis=1)


@pytest.mark.parametrize("distance", [1000.0, -1000.0])
def test_a_detector_with_no_error_or_nothing_but_errors_has_a_corner(distance):
    utts = [f"u{index}" for index in range(20)]
    scores = {utt: (distance if index < 8 else 0.0) + index for index, utt in enumerate(utts)}
    labels = {utt: "bonafide" if index < 8 else "spoof" for index, utt in enumerate(utts)}
    det = set_curves(make_trials("x", scores, labels), set(), None, {})["det"]
    assert list(det) == ["all"]
    corner = (0, 0) if distance > 0 else (12, 8)
    assert set(points_of(det["all"])) == {(12, 0), corner, (0, 8)}
    assert det["all"]["eer_percent"] == (0 if distance > 0 else 100)


def test_one_trial_of_each_class_has_curves():
    trials = make_trials("x", {"a": 1.0, "b": 0.0}, {"a": "bonafide", "b": "spoof"})
    assert points_of(set_curves(trials, set(), None, {})["det"]["all"]) == [(1, 0), (0, 0), (0, 1)]


def test_histograms_count_every_trial_once_also_far_outliers():
    trials = some_trials(500)
    trials.scores[:3] = [1e9, -1e9, 5e8]
    found = set_curves(trials, set(), None, {})["histogram"]
    assert sum(found["bonafide"]) == 500 and sum(found["spoof"]) == 1000 - 1
    assert found["edges"][0] > -100 and found["edges"][-1] < 100  # an outlier does not rule
    assert len(found["edges"]) == len(found["bonafide"]) + 1 == len(found["spoof"]) + 1
    assert np.array(list(found["attacks"].values())).sum(axis=0).tolist() == found["spoof"]
    inner = slice(1, -1)
    expected, _ = np.histogram(trials.bonafide, found["edges"])
    assert found["bonafide"][inner] == expected[inner].tolist()


def test_histograms_of_constant_scores_have_one_full_bin():
    utts = ["a", "b", "c"]
    trials = make_trials(
        "x", dict.fromkeys(utts, 1.5), dict.fromkeys("ab", "spoof") | {"c": "bonafide"}
    )
    found = set_curves(trials, set(), None, {})["histogram"]
    assert sorted(found["spoof"])[-1] == 2 and sum(found["spoof"]) == 2
    assert found["edges"] == sorted(set(found["edges"]))


def test_bayes_error_is_act_dcf_and_min_dcf_at_each_prior():
    trials = some_trials(200, digits=1)
    calibrated = 2.5 * trials.scores - 1
    found = set_curves(trials, set(), calibrated, {})["bayes"]
    classes = {
        "raw": (trials.bonafide, trials.spoof),
        "calibrated": (calibrated[trials.is_bonafide], calibrated[~trials.is_bonafide]),
    }
    for name, scores in classes.items():
        for index in range(0, 81, 5):
            p_spoof = 1 / (1 + np.exp(found["prior_log_odds"][index]))
            costs = DcfCosts(p_spoof, 1.0, 1.0)
            assert found[name]["actual"][index] == pytest.approx(act_dcf(*scores, costs), rel=1e-5)
            assert found[name]["minimum"][index] == pytest.approx(min_dcf(*scores, costs), rel=1e-5)
    assert set_curves(trials, set(), None, {})["bayes"]["calibrated"] is None


def test_the_hardest_trials_are_the_extremes_of_each_class_with_their_paths():
    trials = some_trials(200)
    paths = {utt: f"/audio/{utt}.flac" for utt in trials.utts[:500]}
    found = set_curves(trials, set(), None, paths)["hardest"]
    assert {kind: len(rows) for kind, rows in found.items()} == {
        "bonafide": HARDEST,
        "spoof": HARDEST,
    }
    score_of = dict(zip(trials.utts.tolist(), trials.scores.tolist(), strict=True))
    is_bonafide = dict(zip(trials.utts.tolist(), trials.is_bonafide.tolist(), strict=True))
    for kind, reverse in (("bonafide", False), ("spoof", True)):
        own = [utt for utt in score_of if is_bonafide[utt] == (kind == "bonafide")]
        expected = sorted(own, key=score_of.get, reverse=reverse)[:HARDEST]
        assert [row["utt"] for row in found[kind]] == expected
        for row in found[kind]:
            assert row["score"] == score_of[row["utt"]]
            assert row["path"] == paths.get(row["utt"])
            assert row["speaker"] == f"s{int(row['utt'][1:]) % 7}"
            assert (row["attack"] is None) == (kind == "bonafide")


def test_a_file_comes_back_is_compact_and_of_this_version(tmp_path):
    assert read_curves(ExperimentDir(tmp_path)) is None
    sets = {"eval": set_curves(some_trials(30_000), {"A01"}, None, {})}
    write_curves(ExperimentDir(tmp_path), sets)
    path = tmp_path / "curves.json"
    assert read_curves(ExperimentDir(tmp_path)) == sets
    assert path.stat().st_size < 80_000
    path.write_text(json.dumps({"version": 0, "test_sets": {}}))
    with pytest.raises(FadError, match="version 0, not 1: run stage 5 again"):
        read_curves(ExperimentDir(tmp_path))
    path.write_text("[")
    with pytest.raises(FadError, match="is no JSON"):
        read_curves(ExperimentDir(tmp_path))
