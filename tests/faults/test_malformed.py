"""Every malformed input is refused as `tests.faults.fault.refuse` asks; the hostile ones could run.

To add one, add a line to a table of `malformed_*.py` or `hostile.py`.
"""

from contextlib import chdir, suppress
from pathlib import Path

import pytest

from .corpus import BY_NAME, FAULTS, HOSTILE
from .fault import CANARY, refuse


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name[:80])
def test_a_malformed_input_is_refused_in_one_clear_line(fault, tmp_path):
    refuse(fault, tmp_path)


@pytest.mark.parametrize("fault", HOSTILE, ids=lambda fault: fault.name[:80])
def test_the_canary_of_a_hostile_input_is_alive(fault, tmp_path):
    subject = fault.make(tmp_path)
    with chdir(tmp_path), suppress(Exception):  # most have no value to return once they have run
        fault.unsafe(subject)
    assert Path(tmp_path, CANARY).exists()


def test_names_are_unique_and_there_are_enough():
    assert len(BY_NAME) == len(FAULTS) >= 100
    assert len(HOSTILE) >= 40
