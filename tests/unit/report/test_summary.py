from fad.report.summary import attack_table, cost_table, decimal, error_table, whole

PART = {"bonafide": 1200, "spoof": 34, "eer_percent": 1.25, "eer_threshold": -0.5}
INTERVAL = {"low_percent": 0.5, "high_percent": 2.004, "over": "speakers", "units": 48}


def test_what_is_not_known_is_a_dash():
    assert (decimal(None), whole(None)) == ("-", "-")
    _, rows = error_table(PART)
    assert rows == [["all", "1,200", "34", "1.25", "-", "-", "-0.50000"]]


def test_pools_come_in_a_fixed_order_with_their_intervals():
    seen, unseen = PART | {"eer_interval": INTERVAL}, PART | {"spoof": 5}
    _, rows = error_table(PART | {"unseen": unseen, "seen": seen})
    assert [row[0] for row in rows] == ["all", "seen in training", "unseen in training"]
    assert rows[1][4:6] == ["0.50 to 2.00", "48 speakers"]


def test_only_the_costs_that_there_are():
    _, rows = cost_table({"min_dcf": 0.5, "cllr_bits": 1.0}, digits=3)
    assert rows == [["minDCF, ASVspoof 5", "0.500"], ["Cllr (bits) *", "1.000"]]


def test_the_training_mark_is_shown_only_where_known():
    header, rows = attack_table({"by_attack": {"A01": PART}})
    assert "in training" not in header and rows[0][:2] == ["A01", "34"]
    header, rows = attack_table({"by_attack": {"A01": PART | {"seen_in_training": False}}})
    assert header[1] == "in training" and rows[0][1] == "unseen"
