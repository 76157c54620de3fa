import numpy as np
import pytest

from fad.data.tables import read_table
from fad.evaluation.metrics.eer import eer
from fad.evaluation.metrics.paired import holm, paired_tests
from fad.evaluation.results.comparison import compare_systems, comparison_text
from fad.evaluation.trials.score_files import read_scores
from fad.evaluation.trials.trials import make_trials
from fad.utils.errors import FadError


@pytest.fixture
def files(tmp_path):
    """Three systems' scores of 200 trials by 20 speakers: good, nearly as good, much worse."""
    rng = np.random.default_rng(0)
    utts = [f"u{index:03d}" for index in range(200)]
    is_bonafide = np.arange(200) % 2 == 0
    scores = rng.normal(2.0 * is_bonafide, 1)
    near = scores + 0.05 * rng.normal(size=200)
    worse = scores + 3 * rng.normal(size=200)
    columns = {
        "good": scores,
        "near": near,
        "worse": worse,
        "utt2label": np.where(is_bonafide, "bonafide", "spoof"),
        "utt2spk": [f"s{index % 40 // 2}" for index in range(200)],
    }
    for name, column in columns.items():
        lines = [f"{utt} {value}\n" for utt, value in zip(utts, column, strict=True)]
        (tmp_path / name).write_text("".join(lines))
    return tmp_path


def read(files, *names, **columns):
    labels = read_table(files / "utt2label")
    columns = {name: read_table(path) for name, path in columns.items()}
    scores = {name: read_scores(files / name).scores for name in set(names)}
    return [make_trials(str(files / name), scores[name], labels, columns) for name in names]


def test_the_results_are_those_of_the_metrics(files):
    systems = read(files, "good", "near", "worse", speaker=files / "utt2spk")
    results = compare_systems(systems, resamples=399, seed=2)
    counts = ("bonafide", "spoof", "over", "units", "level", "resamples", "seed")
    assert [results[key] for key in counts] == [100, 100, "speakers", 20, 0.95, 399, 2]
    assert results["phase"] is None
    for letter, name, system, found in zip(
        "ABC", ("good", "near", "worse"), systems, results["systems"], strict=True
    ):
        rate = 100 * eer(system.bonafide, system.spoof)[0]
        assert found == {"system": letter, "scores": str(files / name), "eer_percent": rate}
    tests = paired_tests(
        [system.scores for system in systems],
        systems[0].is_bonafide,
        systems[0].speakers,
        resamples=399,
        seed=2,
    )
    corrected = holm([test.p_value for test in tests])
    assert [(pair["first"], pair["second"]) for pair in results["pairs"]] == [
        ("A", "B"),
        ("A", "C"),
        ("B", "C"),
    ]
    for pair, test, p_holm in zip(results["pairs"], tests, corrected, strict=True):
        assert pair["difference_percent"] == 100 * test.difference
        assert pair["low_percent"] == 100 * test.interval.low
        assert pair["high_percent"] == 100 * test.interval.high
        assert (pair["p_value"], pair["p_value_holm"]) == (test.p_value, p_holm)


def test_two_systems_in_words(files):
    told = comparison_text(compare_systems(read(files, "good", "worse"), resamples=399))
    assert "100 bona fide and 100 spoofed trials, the same for all systems" in told
    assert "399 bootstrap samples of 200 trials" in told
    assert "A's EER is lower than B's by" in told
    assert "points; the interval does not hold 0, and these trials tell the two apart." in told
    assert "Holm" not in told
    told = comparison_text(compare_systems(read(files, "worse", "good"), resamples=399))
    assert "A's EER is higher than B's by" in told
    told = comparison_text(compare_systems(read(files, "good", "near"), resamples=399))
    assert "the interval holds 0, and these trials do not tell the two apart." in told


def test_a_system_against_itself(files):
    told = comparison_text(compare_systems(read(files, "good", "good"), resamples=99))
    assert "A and B have the same EER; the interval holds 0" in told
    assert "+0.0000  +0.0000  1.0000" in told


def test_the_phase_is_told(files):
    rows = (files / "utt2label").read_text().splitlines()
    (files / "utt2phase").write_text("".join(f"{row.split()[0]} progress\n" for row in rows))
    found = compare_systems(read(files, "good", "near", phase=files / "utt2phase"), resamples=39)
    assert found["phase"] == "progress"
    assert "100 spoofed trials of the phase progress, the same for all" in comparison_text(found)


def test_three_systems_are_corrected_for_three_pairs(files):
    """With 49 resamples no p is below 0.04: enough for one pair, too much for the best of three."""
    alone = compare_systems(read(files, "good", "worse"), resamples=49)
    assert "these trials tell the two apart" in comparison_text(alone)
    told = comparison_text(compare_systems(read(files, "good", "near", "worse"), resamples=49))
    assert "corrected for 3 comparisons" in told
    assert "does not hold 0, and, after the correction, these trials do not tell the two" in told


@pytest.mark.parametrize("count", [1, 27])
def test_a_number_of_systems_that_has_no_pairs_or_no_letters(files, count):
    with pytest.raises(FadError, match=rf"^{count} files of scores: give --scores twice or more"):
        compare_systems(read(files, *["good"] * count))


def test_too_few_resamples(files):
    with pytest.raises(FadError, match=r"good: 20 resamples are too few.*39: raise --resamples"):
        compare_systems(read(files, "good", "near"), resamples=20)
