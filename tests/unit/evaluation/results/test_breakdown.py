import numpy as np
import pytest

from fad.evaluation.metrics.eer import eer
from fad.evaluation.results.breakdown import breakdowns
from fad.evaluation.results.evaluate import evaluate
from fad.evaluation.results.tables import group_table
from fad.evaluation.trials.trials import make_trials

COUNT = 120
UTTS = [f"u{index:03d}" for index in range(COUNT)]
LABELS = {utt: "bonafide" if index % 3 == 0 else "spoof" for index, utt in enumerate(UTTS)}
CODECS = {utt: ("alaw", "opus", "none")[(index // 3) % 3] for index, utt in enumerate(UTTS)}
VOCODERS = {
    utt: "-" if LABELS[utt] == "bonafide" else ("neural", "classic")[index % 2]
    for index, utt in enumerate(UTTS)
}


@pytest.fixture
def scores():
    rng = np.random.default_rng(4)
    return {utt: (1.0 if LABELS[utt] == "bonafide" else 0.0) + rng.normal() for utt in UTTS}


def by(scores, **columns):
    return evaluate(make_trials("eval", scores, LABELS, columns), resamples=0)["by"]


def percent(scores, bonafide, spoof):
    return 100 * eer([scores[utt] for utt in bonafide], [scores[utt] for utt in spoof])[0]


def test_a_codec_is_measured_among_its_own_trials(scores):
    found = by(scores, codec=CODECS)["codec"]
    assert found["against"] == "bona fide of the group"
    for codec, part in found["groups"].items():
        own = [utt for utt in UTTS if CODECS[utt] == codec]
        bonafide = [utt for utt in own if LABELS[utt] == "bonafide"]
        spoof = [utt for utt in own if LABELS[utt] == "spoof"]
        assert part["eer_percent"] == percent(scores, bonafide, spoof)
        assert (part["bonafide"], part["spoof"]) == (len(bonafide), len(spoof))
    rates = [part["eer_percent"] for part in found["groups"].values()]
    assert found["macro_eer_percent"] == pytest.approx(sum(rates) / 3)


def test_what_only_spoofs_have_is_measured_against_all_bona_fide(scores):
    found = by(scores, vocoder=VOCODERS)["vocoder"]
    assert found["against"] == "all bona fide"
    bonafide = [utt for utt in UTTS if LABELS[utt] == "bonafide"]
    for vocoder in ("neural", "classic"):
        spoof = [utt for utt in UTTS if VOCODERS[utt] == vocoder]
        assert found["groups"][vocoder]["eer_percent"] == percent(scores, bonafide, spoof)


def test_a_group_of_one_class_has_counts_and_stays_out_of_the_average(scores):
    langs = CODECS | {utt: "xx" for utt in UTTS[:9] if LABELS[utt] == "spoof"}
    found = by(scores, lang=langs)["lang"]
    assert found["groups"]["xx"] == {"bonafide": 0, "spoof": 6, "eer_percent": None}
    rates = [part["eer_percent"] for part in found["groups"].values()]
    assert found["macro_eer_percent"] == pytest.approx(sum(filter(None, rates)) / 3)


@pytest.mark.parametrize(
    "column",
    [dict.fromkeys(UTTS, "en"), {utt: utt for utt in UTTS}],
    ids=["one value", "a name of the trial"],
)
def test_a_column_that_does_not_divide_the_trials_is_left_out(scores, column):
    assert by(scores, x=column) == {}


def test_groups_are_what_measure_is_given(scores):
    trials = make_trials("eval", scores, LABELS, {"codec": CODECS})
    seen = []

    def measure(group):
        seen.append(group.utts.size)
        return {"eer_percent": 1.0}

    assert breakdowns(trials, measure, None)["codec"]["macro_eer_percent"] == 1.0
    assert sum(seen) == COUNT


def test_one_speaker_has_no_interval(scores):
    speakers = {utt: f"s{index // 20}" for index, utt in enumerate(UTTS)}
    trials = make_trials("eval", scores, LABELS, {"codec": CODECS, "speaker": speakers})
    found = evaluate(trials)["by"]
    assert all("eer_interval" in part for part in found["codec"]["groups"].values())
    assert not any("eer_interval" in part for part in found["speaker"]["groups"].values())


def test_a_group_of_few_trials_has_no_eer_and_no_weight_in_the_average(scores):
    """Five of a class are enough, four are not."""
    spoofs = [utt for utt in UTTS if LABELS[utt] == "spoof"]
    attacks = dict.fromkeys(UTTS, "-") | dict.fromkeys(spoofs, "many")
    attacks |= dict.fromkeys(spoofs[:5], "five") | dict.fromkeys(spoofs[5:9], "four")
    found = evaluate(make_trials("eval", scores, LABELS, {"attack": attacks}), resamples=0)
    groups = found["by"]["attack"]["groups"]
    assert groups["four"] == {"bonafide": 40, "spoof": 4, "eer_percent": None}
    rated = [groups[name]["eer_percent"] for name in ("five", "many")]
    assert found["by"]["attack"]["macro_eer_percent"] == pytest.approx(sum(rated) / 2)
    _, rows = group_table(found, "attack")
    assert [row[3] for row in rows if row[0] == "four"] == ["too few"]
