"""That the page says what its numbers are: of one run or of several, of how many trials."""

import json

import pytest

from fad.evaluation.html.page import page
from fad.evaluation.results.overview import gather_with_curves
from tests.helpers.markup import Page
from tests.helpers.reports import scored_trials, write_experiment


def text_of(*exp_dirs) -> str:
    return Page(page(gather_with_curves(exp_dirs), "Results")).text


def change(path, change_set) -> None:
    """Changes what results.json holds of the set `eval`."""
    results = json.loads(path.read_text())
    change_set(results["test_sets"]["eval"])
    path.write_text(json.dumps(results))


@pytest.fixture
def exp(tmp_path):
    """Two seeds of one system, on one set."""
    for seed in (1, 2):
        sets = {"eval": scored_trials(1.5, seed)}
        write_experiment(tmp_path / "r" / "exp", f"lora_seed{seed}", sets, seed)
    return tmp_path / "r" / "exp"


ONLY_OF_SEEDS = ("over the runs", "range of", "first run", "best run,", "A thin line")


def test_a_single_run_has_no_mean_no_best_and_no_range(exp):
    one, both = text_of(exp / "lora_seed1"), text_of(exp)
    assert [words for words in ONLY_OF_SEEDS if words in one] == []
    assert [words for words in ONLY_OF_SEEDS if words not in both] == []
    assert "EER\xa0%95\xa0% intervalseen" in one
    assert "EER\xa0%bestrange of 95\xa0% intervalsseen" in both


def test_the_number_of_bootstrap_samples_is_said(exp):
    for text in (text_of(exp), text_of(exp / "lora_seed1")):
        assert "(20 bootstrap samples of trials" in text


def test_an_interval_without_an_error_points_to_the_rule_of_three(tmp_path):
    exp = tmp_path / "r" / "exp"
    write_experiment(exp, "good", {"eval": scored_trials(50), "wild": scored_trials(1.0)})
    text = text_of(exp)
    assert text.count("0.00 to 0.00†") == 1
    note = "eval: 7.50\xa0% of 40 bona fide trials, 7.50\xa0% of 40 spoofed trials."
    assert note in text and "(rule of three)" in text
    write_experiment(exp, "bad", {"eval": scored_trials(1.0)}, trainable=7)
    assert "†" not in text_of(exp / "bad")


def test_rates_are_in_percent_and_a_shared_threshold_has_no_deviation(exp):
    for seed, miss in ((1, 0.1), (2, 0.2)):
        rates = {"accuracy": 0.9, "balanced_accuracy": 0.9, "f1": 0.5, "p_miss": miss, "p_fa": 0}
        calibrated = {"scale": 1.0, "offset": 0.0, "p_spoof": 0.05, "bayes_threshold": -0.6419}
        calibrated |= {"fitted_on": {"bonafide": 12, "spoof": 6}, "act_dcf": 0.4, "cllr_bits": 0.8}
        calibrated |= {"decisions": {"threshold": -0.6419} | rates}
        found = {"calibrated": calibrated, "decisions": {"threshold": float(seed)} | rates}
        path = exp / f"lora_seed{seed}" / "results.json"
        change(path, lambda results, found=found: results.update(found))
    text = text_of(exp)
    rates = "90.00 ± 0.0090.00 ± 0.0050.00 ± 0.0015.00 ± 7.070.00 ± 0.00"
    assert f"lora-0.6419{rates}" in text and f"lora1.5000 ± 0.7071{rates}" in text
    assert "miss rate\xa0%" in text


def test_trials_of_unknown_value_are_counted_under_the_table(tmp_path):
    trials = scored_trials(codec=lambda i: f"codec{i % 2}")
    path = write_experiment(tmp_path / "exp", "lora", {"eval": trials}) / "results.json"
    change(path, lambda found: found["by"]["codec"].update(unknown=1234))
    change(path, lambda found: found["by"]["attack"].update(unknown=0))
    text = text_of(tmp_path / "exp")
    assert "Not in these rows: 1,234 trials whose codec is not known." in text
    assert text.count("Not in these rows") == 1


def test_the_code_of_training_stands_beside_that_of_the_results(tmp_path):
    exp = tmp_path / "r" / "exp"
    write_experiment(exp, "new", {"eval": scored_trials()}, trained_with="feed" * 10)
    write_experiment(exp, "none", {"eval": scored_trials()}, trainable=7, trained_with=None)
    assert f"code of training\n{'feed' * 10}\ncode of results\nc0ffee" in text_of(exp / "new")
    assert "code of training\nunknown\ncode of results\nc0ffee" in text_of(exp / "none")
    assert "newnew0feedfeedfeedc0ffeec0ffee" in text_of(exp)


def brute_errors(trials, kind, threshold):
    """Utterances of a class on the wrong side, from the definition."""
    wrong = {"bonafide": lambda score: score <= threshold, "spoof": lambda score: score > threshold}
    every = zip(trials.utts, trials.scores, trials.is_bonafide, strict=True)
    return {
        str(utt)
        for utt, score, is_bonafide in every
        if is_bonafide == (kind == "bonafide") and wrong[kind](score)
    }


def test_errors_among_the_hardest_trials_are_marked(exp):
    trials = {tag: scored_trials(1.5, seed) for seed, tag in ((1, "lora_seed1"), (2, "lora_seed2"))}
    runs = {run["tag"]: run for run in gather_with_curves([exp])}
    both = text_of(exp)
    for kind, word in (("bonafide", "missed"), ("spoof", "false alarm")):
        listed, wrong = {}, {}
        for tag, run in runs.items():
            threshold = run["test_sets"]["eval"]["eer_threshold"]
            errors = brute_errors(trials[tag], kind, threshold)
            alone = text_of(exp / tag)
            for trial in run["curves"]["eval"]["hardest"][kind]:
                utt, score = trial["utt"], trial["score"]
                mark = word if utt in errors else "right"
                assert f"{utt}{score:.3f}{mark}" in alone
                listed.setdefault(utt, []).append(score)
                wrong[utt] = wrong.get(utt, 0) + (utt in errors)
        order = sorted(listed, key=lambda utt: (-len(listed[utt]), utt))[:20]
        for utt in order:
            scores = f"{min(listed[utt]):.3f} to {max(listed[utt]):.3f}"
            assert f"{utt}{len(listed[utt])} of 2{wrong[utt]} of these{scores}" in both
        assert {0, 1, 2} >= set(wrong.values()) and len(set(wrong.values())) > 1
