import numpy as np
import pytest

from fad.evaluation.results.evaluate import evaluate
from fad.evaluation.trials.trials import check_classes, choose_phase, make_trials
from fad.utils.errors import FadError

UTTS = [f"u{index:02d}" for index in range(60)]
ATTACKS = dict(zip(UTTS, ["-"] * 20 + ["A01"] * 20 + ["A02"] * 15 + ["A03"] * 5, strict=True))
LABELS = {utt: "bonafide" if attack == "-" else "spoof" for utt, attack in ATTACKS.items()}
PHASES = {utt: ("progress", "eval", "hidden")[index % 3] for index, utt in enumerate(UTTS)}


@pytest.fixture
def scores():
    rng = np.random.default_rng(1)
    return {utt: (2.0 if LABELS[utt] == "bonafide" else 0.0) + rng.normal() for utt in UTTS}


def test_a_subset_keeps_each_trial_whole(scores):
    trials = make_trials("eval", scores, LABELS, {"attack": ATTACKS, "codec": PHASES})
    part = trials.subset(trials.columns["codec"] == "eval")
    assert part.utts.tolist() == [utt for utt in UTTS if PHASES[utt] == "eval"]
    for index, utt in enumerate(part.utts):
        assert part.scores[index] == scores[utt]
        assert part.attacks[index] == ATTACKS[utt]
    assert part.bonafide.size + part.spoof.size == 20


def test_other_utterances_than_the_labels_have_are_named(scores):
    missing = {utt: score for utt, score in scores.items() if utt != "u07"}
    with pytest.raises(FadError, match="u07"):
        make_trials("eval", missing, LABELS)
    with pytest.raises(FadError, match=r"extra-1.*score exactly the trials"):
        make_trials("eval", scores | {"extra-1": 0.0}, LABELS)
    with pytest.raises(FadError, match="the attack of eval"):
        make_trials("eval", scores, LABELS, {"attack": {"u00": "-"}})


def test_one_class_alone_is_refused_where_both_are_needed(scores):
    for label, missing in (("bonafide", "spoofed"), ("spoof", "bona fide")):
        trials = make_trials("eval", scores, dict.fromkeys(UTTS, label))
        assert not trials.has_both_classes
        with pytest.raises(FadError, match=f"eval: no {missing} trial"):
            check_classes(trials)
    assert make_trials("eval", scores, LABELS).has_both_classes
    with pytest.raises(FadError, match="eval: no trial"):
        make_trials("eval", {}, {})


def test_results_are_of_the_eval_phase_and_the_others_stand_apart(scores):
    trials = make_trials("set", scores, LABELS, {"attack": ATTACKS, "phase": PHASES})
    found = evaluate(trials, resamples=0)
    assert (found["phase"], list(found["phases"])) == ("eval", ["eval", "hidden", "progress"])
    for phase, part in found["phases"].items():
        own = [utt for utt in UTTS if PHASES[utt] == phase]
        alone = make_trials(phase, {u: scores[u] for u in own}, {u: LABELS[u] for u in own})
        expected = evaluate(alone, resamples=0)
        assert part["eer_percent"] == expected["eer_percent"]
        assert (part["bonafide"], part["spoof"]) == (expected["bonafide"], expected["spoof"])
    assert found["eer_percent"] == found["phases"]["eval"]["eer_percent"]
    assert found["bonafide"] + found["spoof"] == 20
    groups = found["by"]["attack"]["groups"]
    assert sum(part["spoof"] for part in groups.values()) == found["spoof"]
    hidden = evaluate(trials, resamples=0, phase="hidden")
    assert hidden["eer_percent"] == found["phases"]["hidden"]["eer_percent"]


def test_a_phase_is_chosen_only_where_there_is_no_doubt(scores):
    assert choose_phase(make_trials("set", scores, LABELS)) is None
    only = make_trials("set", scores, LABELS, {"phase": dict.fromkeys(UTTS, "progress")})
    assert choose_phase(only) == "progress"
    two = {utt: phase.replace("eval", "hidden") for utt, phase in PHASES.items()}
    trials = make_trials("set", scores, LABELS, {"phase": two})
    with pytest.raises(FadError, match="has the phases hidden, progress: say which"):
        choose_phase(trials)
    with pytest.raises(FadError, match="phase 'hiden': did you mean 'hidden'"):
        choose_phase(trials, "hiden")
    with pytest.raises(FadError, match="the trials have no phases"):
        choose_phase(make_trials("set", scores, LABELS), "eval")


def test_a_phase_of_one_class_has_counts_and_no_results(scores):
    phases = {utt: "eval" if LABELS[utt] == "spoof" else "progress" for utt in UTTS}
    trials = make_trials("set", scores, LABELS, {"phase": phases})
    found = evaluate(trials)
    assert (found["phase"], found["one_class"]["class"]) == ("eval", "spoof")
    assert found["phases"]["progress"]["eer_percent"] is None


def test_one_long_name_costs_no_more_than_itself():
    scores = {f"u{n}": float(n) for n in range(100)} | {"x" * 1000: 0.0}
    trials = make_trials("x", scores, {u: ("spoof", "bonafide")[u > "u5"] for u in scores})
    assert trials.utts.nbytes < 1000
    assert trials.utts[-1] == "x" * 1000
