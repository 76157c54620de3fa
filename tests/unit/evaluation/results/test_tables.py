from fad.evaluation.results.tables import (
    cost_table,
    counted,
    decimal,
    error_table,
    group_table,
    phase_table,
    whole,
)

PART = {"bonafide": 1200, "spoof": 34, "eer_percent": 1.25, "eer_threshold": -0.5}
INTERVAL = {"low_percent": 0.5, "high_percent": 2.004, "over": "speakers", "units": 48}


def test_what_is_not_known_is_a_dash():
    assert (decimal(None), whole(None)) == ("-", "-")
    _, rows = error_table(PART)
    assert rows == [["all", "1,200", "34", "1.25", "-", "-", "-0.5"]]


def test_pools_come_in_a_fixed_order_with_their_intervals():
    seen, unseen = PART | {"eer_interval": INTERVAL}, PART | {"spoof": 5}
    _, rows = error_table(PART | {"unseen": unseen, "seen": seen})
    assert [row[0] for row in rows] == ["all", "seen in training", "unseen in training"]
    assert rows[1][4:6] == ["0.50 to 2.00", "48 speakers"]


def test_only_the_costs_that_there_are():
    _, rows = cost_table({"min_dcf": 0.5, "cllr_bits": 1.0}, digits=3)
    assert rows == [["minDCF, ASVspoof 5", "0.500"], ["Cllr (bits) *", "1.000"]]


def groups(**parts):
    return {"by": {"attack": {"unknown": 0, "macro_eer_percent": 1.5, "groups": parts}}}


def test_the_training_mark_is_shown_only_where_known():
    header, rows = group_table(groups(A01=PART), "attack")
    assert "in training" not in header and rows[0][:3] == ["A01", "1,200", "34"]
    header, rows = group_table(groups(A01=PART | {"seen_in_training": False}), "attack")
    assert header[1] == "in training" and rows[0][1] == "unseen"
    assert rows[-1] == ["macro-average", "-", "-", "-", "1.50", "-", "-"]


def test_a_group_without_an_eer_has_counts():
    _, rows = group_table(groups(A01={"bonafide": 0, "spoof": 3, "eer_percent": None}), "attack")
    assert rows[0] == ["A01", "0", "3", "-", "-", "-"]


def test_the_phase_of_the_results_is_marked():
    phases = {"eval": PART, "hidden": PART | {"eer_percent": None}}
    _, rows = phase_table({"phase": "eval", "phases": phases})
    assert [(row[0], row[3], row[4]) for row in rows] == [
        ("eval", "1.25", "this phase"),
        ("hidden", "-", ""),
    ]


def test_one_thing_is_not_many():
    assert [counted(number, "epoch") for number in (0, 1, 1200)] == [
        "0 epochs",
        "1 epoch",
        "1,200 epochs",
    ]
