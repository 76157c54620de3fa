"""The bench's arithmetic on made-up times, and its table of ratios."""

import pytest

from tests.bench.contenders import CONTENDERS, GROUPS
from tests.bench.ratios import RATIOS, compare, quotients
from tests.bench.results import merge, read
from tests.bench.rivals import updated


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


def part(seconds):
    return {"rounds": seconds, "peak_mib": 100}


def test_a_run_of_one_group_keeps_the_others_and_leaves_no_ratio_of_what_is_gone(tmp_path):
    path = tmp_path / "results.json"
    merge(path, {"growth": {"rank": []}})
    merge(path, updated(read(path), "train", {"lora_dump": part([1.0]), "peft": part([2.0])}))
    merge(
        path, updated(read(path), "full", {"lora_dump": part([1.0]), "fairseq_full": part([4.0])})
    )
    assert read(path)["ratios"] == {
        "lora_dump_vs_peft": 0.5,
        "lora_dump_vs_peft_memory": 1.0,
        "lora_dump_vs_full": 0.25,
    }
    whole = merge(path, updated(read(path), "train", {"lora_dump": part([1.0])}))
    assert whole == read(path)
    assert whole["ratios"] == {"lora_dump_vs_full": 0.25}
    assert whole["spread"] == {"lora_dump_vs_full": [0.25, 0.25]}
    assert whole["growth"] == {"rank": []}
