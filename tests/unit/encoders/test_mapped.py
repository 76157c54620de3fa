"""Memory of mapped weights is given back, and that of others is not touched."""

import re
from pathlib import Path

import pytest
import torch

from fad.encoders.mapped import release

SMAPS = Path("/proc/self/smaps")
FLOATS = 1 << 20  # 4 MiB
KIB = FLOATS * 4 // 1024


def resident_kib(path: Path) -> int:
    """How much of a mapped file is in memory."""
    entries = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", SMAPS.read_text(), flags=re.MULTILINE)
    mapped = [entry for entry in entries if str(path) in entry.partition("\n")[0]]
    return sum(int(re.search(r"^Rss: +(\d+) kB", entry, re.MULTILINE)[1]) for entry in mapped)


@pytest.fixture
def path(tmp_path):
    if not SMAPS.is_file():
        pytest.skip("this system does not tell what is mapped: no /proc/self/smaps")
    torch.manual_seed(0)
    first, second = torch.randn(FLOATS), torch.randn(FLOATS)
    torch.save({"first": first, "second": second}, tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


def test_the_pages_of_one_tensor_go_and_its_neighbours_stay(path):
    state = torch.load(path, mmap=True, weights_only=True)
    second = state["second"].sum()
    state["first"].sum()
    before = resident_kib(path)
    release(state["first"])
    assert KIB - 8 <= before - resident_kib(path) <= KIB
    assert state["second"].sum() == second


def test_what_was_changed_nearby_is_kept(path):
    state = torch.load(path, mmap=True, weights_only=True)
    state["second"].fill_(3.0)  # a copy of the page, which the first may share
    release(state["first"])
    assert (state["second"] == 3.0).all()


def test_memory_that_is_not_mapped_is_not_touched():
    values = torch.ones(FLOATS)
    release(values)
    assert (values == 1).all()
    release(torch.ones(3))
