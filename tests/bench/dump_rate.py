"""How quickly stage 2 stores the frontend's frames: clips and megabytes a second, by 1 and 2 jobs.

    python -m tests.bench.dump_rate [--rounds 3] [--pretrained xlsr2_300m.pt]

By hand, on a quiet machine. `fad.bin.dump_frames` runs under utils/run_local.py as in stage 2, on
noise clips of 4 s at the shape of XLS-R 300M. Start-up, the sha256 of the file, loading and the
estimate are the same for any number of clips: the rate is that of what a larger set has more than
a smaller one. The numbers go to tests/bench/results.json.
"""

import argparse
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fad.dump.layout import Stored, dump_dir
from fad.evaluation.results.text import terminal_table
from fad.utils.cli import run
from fad.utils.git import CODE
from fad.utils.progress import progress
from tests.bench import results
from tests.bench.ratios import summary
from tests.bench.rivals import check_memory, pretrained_file
from tests.helpers.corpus import write_audio_dump

FEW, MANY = 8, 56
CLIP_SECONDS = 64_600 / 16_000
FRAMES = Stored(0, 512, None, "float32")
JOBS = (1, 2)
MIB_A_JOB = 2000


def dump(root: Path, pretrained: str, name: str, jobs: int) -> tuple[float, int]:
    """Stores the frames of a set anew: seconds, and bytes of the arks."""
    made = dump_dir(root, Path(pretrained), FRAMES, name)
    shutil.rmtree(made, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "fad.bin.dump_frames",
        "--config",
        "lora",
        "--dump_dir",
        str(root),
    ]
    command += ["--pretrained", pretrained, "--name", name, "--nj", str(jobs)]
    local = [sys.executable, str(CODE / "utils/run_local.py"), "--max_jobs_run", str(jobs)]
    started = time.perf_counter()
    for words in (
        [*local, f"JOB=1:{jobs}", str(root / "log/frames.JOB.log"), *command, "--job", "JOB"],
        [*command, "--combine", "true"],
    ):
        subprocess.run(words, cwd=CODE, check=True, capture_output=True)
    seconds = time.perf_counter() - started
    return seconds, sum(ark.stat().st_size for ark in made.glob("*.ark"))


def one_round(root: Path, pretrained: str, jobs: int) -> dict[str, float]:
    """Rates over what `many` has more than `few`, and the seconds of `many` in all."""
    few_seconds, few_bytes = dump(root, pretrained, "few", jobs)
    seconds, size = dump(root, pretrained, "many", jobs)
    net = seconds - few_seconds
    return {
        "clips_a_second": (MANY - FEW) / net,
        "mb_a_second": (size - few_bytes) / 1e6 / net,
        "start_seconds": few_seconds - FEW * net / (MANY - FEW),
    }


def measure(root: Path, pretrained: str, rounds: int) -> dict[str, Any]:
    """Rates by the number of jobs, which take turns."""
    found: dict[int, list[dict[str, float]]] = {jobs: [] for jobs in JOBS}
    turns = [jobs for _ in range(rounds) for jobs in JOBS]
    for jobs in progress(turns, desc="dump", unit="turn"):
        found[jobs].append(one_round(root, pretrained, jobs))
    return {
        f"jobs_{jobs}": {key: summary([one[key] for one in each]) for key in each[0]}
        for jobs, each in found.items()
    }


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="of both numbers of jobs (3)")
    parser.add_argument("--pretrained", type=Path, help="a fairseq file of XLS-R 300M's shape")
    parser.add_argument("--results", type=Path, default=results.RESULTS, help="results.json")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = get_parser().parse_args(argv)
    logging.info("about %d minutes on 2 cores", 1.5 * args.rounds + 1)
    check_memory(max(JOBS) * MIB_A_JOB, "the jobs of stage 2")
    with tempfile.TemporaryDirectory() as folder, pretrained_file(args.pretrained) as pretrained:
        root = Path(folder)
        for name, size in (("few", FEW), ("many", MANY)):
            write_audio_dump(root, name, size, seconds=(CLIP_SECONDS,))
        found = measure(root, pretrained, args.rounds)
    results.merge(args.results, {"dump_rate": {"machine": results.machine(), **found}})
    header = ["jobs", "clips a second", "MB a second", "s to start"]
    rows = [
        [jobs.removeprefix("jobs_"), *(f"{rate['median']:.2f}" for rate in rates.values())]
        for jobs, rates in found.items()
    ]
    print(terminal_table(header, rows))


if __name__ == "__main__":
    run(main)
