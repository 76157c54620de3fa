import numpy as np
import pytest

from fad.evaluation.results import breakdown
from fad.evaluation.results.evaluate import evaluate
from fad.evaluation.results.terminal import MANY, WORST, set_text
from fad.evaluation.trials.trials import make_trials


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    """The groups of these tests have few trials."""
    monkeypatch.setattr(breakdown, "FEWEST", 1)


def page(count=40, rooms=4, phases=("eval",), **options):
    """The page of trials whose first room is the worst."""
    rng = np.random.default_rng(0)
    utts = [f"u{index:04d}" for index in range(count)]
    labels = {utt: ("bonafide", "spoof")[index % 2] for index, utt in enumerate(utts)}
    room = {utt: f"r{index // 2 % rooms:03d}" for index, utt in enumerate(utts)}
    phase = {utt: phases[index // 2 % len(phases)] for index, utt in enumerate(utts)}
    better = {utt: 3 * (labels[utt] == "bonafide") * (room[utt] != "r000") for utt in utts}
    scores = {utt: better[utt] + rng.uniform() for utt in utts}
    trials = make_trials("x", scores, labels, {"room": room, "phase": phase})
    return set_text("x.txt", evaluate(trials, **options))


def rows(text, first):
    """The rows of the table whose header begins with a word."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    (found,) = [block[2:] for block in blocks if block[0].split()[:1] == [first]]
    return found


def test_all_tables_of_a_set():
    text = page(resamples=5, threshold=2.0, phases=("eval", "hidden"))
    assert text.startswith(
        "x.txt (higher score = bona fide; results of the phase eval; interval: 5"
    )
    assert [row.split()[0] for row in rows(text, "phase")] == ["eval", "hidden"]
    assert rows(text, "attacks")[0].split()[:3] == ["all", "10", "10"]
    assert [row.split()[0] for row in rows(text, "room")] == ["r000", "r002", "macro-average"]
    assert rows(text, "decisions")[0].startswith("accuracy")
    assert "\n* meaningful only for scores calibrated" in text


def test_without_intervals_and_threshold_nothing_is_said_of_them():
    text = page(resamples=0)
    assert "bootstrap" not in text and "decisions" not in text


@pytest.mark.parametrize("rooms", [MANY, MANY + 1])
def test_of_many_groups_the_worst_are_shown(rooms):
    text = page(count=8 * rooms, rooms=rooms, resamples=0)
    shown = rows(text, "room")
    if rooms <= MANY:
        assert len(shown) == rooms + 1
    else:
        assert len(shown) == WORST + 2 and shown[0].startswith("r000")
        assert f"The {WORST} with the highest EER; {rooms} there are, {rooms} with" in shown[-1]
