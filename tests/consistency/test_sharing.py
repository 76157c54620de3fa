"""How tests are shared out among the workers of pytest-xdist."""

from types import SimpleNamespace

import pytest

from tests.helpers.sharing import group, longest_first, once

IDS = [
    "tests/consistency/test_configs.py::test_a",
    "tests/faults/test_kill.py::test_b[1]",
    "tests/faults/test_kill.py::test_b[7]",
    "tests/integration/test_recipes.py::test_c",
    "tests/integration/test_study.py::test_d",
    "tests/unit/data/test_audio.py::test_e",
    "tests/unit/data/test_audio.py::test_f",
]


def test_tests_that_share_a_fixture_are_of_one_group():
    groups = [group(nodeid) for nodeid in IDS]
    assert [groups.index(name) for name in groups] == [0, 1, 2, 3, 3, 5, 5]


def test_the_longest_come_first_and_keep_their_order():
    items = [SimpleNamespace(nodeid=nodeid) for nodeid in IDS]
    longest_first(items)
    assert [IDS.index(item.nodeid) for item in items] == [3, 4, 1, 2, 0, 5, 6]


def test_a_folder_is_made_once_for_all_workers(tmp_path):
    made = []
    names = ("popen-gw0", "popen-gw1")
    workers = [SimpleNamespace(getbasetemp=(tmp_path / name).absolute) for name in names]
    first, second = (once(worker, "thing", made.append) for worker in workers)
    assert first == second
    assert made == [first]


def test_a_folder_whose_maker_failed_is_made_again(tmp_path):
    factory = SimpleNamespace(getbasetemp=lambda: tmp_path)

    def fail(folder):
        (folder / "half").touch()
        raise OSError

    with pytest.raises(OSError):
        once(factory, "thing", fail)
    assert list(once(factory, "thing", lambda folder: None).iterdir()) == []
