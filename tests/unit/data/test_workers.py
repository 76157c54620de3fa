"""Data workers, which ignore the signals that stop their parent, and still end with it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
LEFT_OPEN = """
import sys
from fad.data.workers import Loader
batches = iter(Loader(list(range(4)), [[0], [1], [2], [3]], list, num_workers=1))
print(next(batches), flush=True)
left = [batches]
left.append(left)  # nothing closes the loader before Python ends
sys.exit(143)
"""


def test_a_process_ends_though_it_has_left_a_loader_open():
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (143, "[0]\n"), done.stderr
