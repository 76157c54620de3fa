"""The process of one contender: builds its step, then takes one at each line that it is sent.

    python -m tests.bench.child '{"name": "lora_dump", "work": {"pretrained": "...", "batch": 4}}'

It answers each line, and before the first that it is ready, with a line of JSON: seconds of the
step, peak memory so far and memory now in MiB. It ends with its input, and so with its parent.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.contenders import find
from tests.bench.work import Work


def answering() -> Callable[[float], None]:
    """Keeps standard output for answers alone: what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(seconds: float) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found = {"seconds": seconds, "peak_mib": peak, "rest_mib": resident()}
        answers.write(json.dumps(found) + "\n")

    return answer


def resident() -> float:
    """MiB of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    order = json.loads(sys.argv[1])
    answer = answering()
    started = time.perf_counter()
    step = find(order["name"]).build(Work(**order["work"]))
    answer(time.perf_counter() - started)
    for _ in sys.stdin:
        started = time.perf_counter()
        step()
        answer(time.perf_counter() - started)


if __name__ == "__main__":
    main()
