"""Batches of data workers arrive, and are the same, where shared memory is full."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fad.data.batches import Example, collate
from fad.data.workers import Loader

ROOT = Path(__file__).parents[3]
FULL = RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left (28)")
# Neither a file nor shared memory may be larger; pipes may.
LIMITED = """
import resource, torch
from fad.data.workers import Loader
from fad.utils.cli import set_up_logging
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
set_up_logging()
data = [torch.full((50_000,), float(n)) for n in range(6)]
loader = Loader(data, [[n] for n in range(6)], torch.stack, num_workers=2)
print([batch.mean().item() for batch in loader])
"""


class Clips(list):
    def __getitem__(self, index):
        return Example(index, f"u{index}", index, torch.arange(index + 1.0), index % 2)


@pytest.mark.parametrize("full", [False, True])
def test_a_batch_is_the_same_in_shared_memory_and_through_a_pipe(monkeypatch, caplog, full):
    keys = [[0, 1], [2], [3, 4]]
    expected = [collate([Clips()[key] for key in batch]) for batch in keys]

    def share(_):
        raise FULL

    if full:
        monkeypatch.setattr(torch.Tensor, "share_memory_", share)  # workers inherit it
    found = list(Loader(Clips(), keys, collate, num_workers=1))
    for one, other in zip(found, expected, strict=True):
        assert one.indices == other.indices
        for name in ("inputs", "lens", "starts", "labels"):
            assert torch.equal(getattr(one, name), getattr(other, name))
    said = "no room in shared memory for the batches of data workers (No space left (28))"
    assert caplog.text.count(said) == full, "once, not for each batch"


def test_workers_go_on_where_no_file_may_be_large():
    done = subprocess.run(
        [sys.executable, "-c", LIMITED],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]\n", done.stderr
    assert "they come through a pipe, slower: enlarge /dev/shm" in done.stderr
    assert "Traceback" not in done.stderr
