"""The bench of a million lines, on a few thousand: that each step does what it is timed for."""

import json

import pytest

from fad.data.tables import read_table, validate_data_dir
from tests.bench import lines_corpus, million_lines
from tests.bench.lines_corpus import Places

LINES = 2500


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A corpus through every step."""
    made = tmp_path_factory.mktemp("lines")
    lines_corpus.write_all(made, LINES)
    return made


@pytest.fixture(scope="module")
def found(folder):
    return {step: million_lines.take(step, folder, LINES) for step in million_lines.STEPS}


def test_every_step_gives_its_time_and_memory(found):
    for step, numbers in found.items():
        assert 0 <= numbers["seconds"] < 60, step
        assert numbers["peak_mib"] >= numbers["before_mib"] > 0, step
    assert sum("worker_mib" in numbers for numbers in found.values()) == 2
    table = million_lines.table(found).splitlines()
    assert len(table) == 2 + len(million_lines.STEPS)


def test_the_steps_leave_what_they_make(folder, found):
    places = Places(folder)
    assert len(validate_data_dir(places.audio)["utt2label"]) == LINES
    assert list(validate_data_dir(places.prepared / "dev"))
    assert len(read_table(folder / "joined")) == LINES
    results = json.loads((places.exp / "results.json").read_text())["test_sets"]["train"]
    assert (results["bonafide"], results["spoof"]) == (LINES // 10, LINES - LINES // 10)
