"""The bench's arithmetic on made-up times, and its table of ratios."""

import pytest

from tests.bench.contenders import CONTENDERS, GROUPS
from tests.bench.ratios import RATIOS, compare, quotients
from tests.bench.results import merge, read


def rounds(seconds, peak):
    return {"seconds": seconds, "peak_mib": [peak]}


def test_a_ratio_is_the_median_of_quotients_within_rounds():
    """The machine is three times slower in the last round: the quotient of medians would be 1.2."""
    found = compare(
        "train",
        {"lora_dump": rounds([3.0, 6.0, 18.0], 800), "peft": rounds([4.0, 5.0, 30.0], 1000)},
    )
    assert found["lora_dump_vs_peft"] == {"median": 0.75, "min": 0.6, "max": 1.2}
    assert found["lora_dump_vs_peft_memory"]["median"] == 0.8


def test_a_ratio_needs_both_sides_in_its_own_group():
    some = {"lora_dump": rounds([1.0], 1), "peft": rounds([2.0], 1)}
    assert set(compare("train", some)) == {"lora_dump_vs_peft", "lora_dump_vs_peft_memory"}
    assert compare("full", some) == {}


def test_rounds_that_do_not_pair_are_refused():
    with pytest.raises(ValueError):
        quotients([1.0, 2.0], [1.0])


def test_every_ratio_is_of_contenders_that_are_alive_together():
    for name, ratio in RATIOS.items():
        assert {ratio.ours, ratio.theirs} <= set(GROUPS[ratio.group].names), name
    assert {name for group in GROUPS.values() for name in group.names} == set(CONTENDERS)


def test_a_run_of_one_group_keeps_the_results_of_another(tmp_path):
    path = tmp_path / "results.json"
    merge(path, {"contenders": {"train": {"peft": 1}}, "ratios": {"a": 1.0}})
    merge(path, {"contenders": {"score": {"fairseq": 2}}, "ratios": {"a": 2.0, "b": 3.0}})
    merge(path, {"growth": {"rank": []}})
    assert read(path) == {
        "contenders": {"train": {"peft": 1}, "score": {"fairseq": 2}},
        "ratios": {"a": 2.0, "b": 3.0},
        "growth": {"rank": []},
    }
