"""A corpus of many short files through all stages of egs/custom: time, memory and open files.

    python -m tests.bench.many_files [--files 10000] [--nj 2] [--speech DIR]

By hand. The files are pieces of 0.5 to 2 s of real clips, cut at random, in the folders that
egs/custom reads: `<split>/bonafide/` and `<split>/spoof/<attack>/`. Each stage is a run of
`./run.sh` in a copy of the tree, with the mini encoder and one epoch. While it runs, its processes
are looked at five times a second: `largest` is the peak memory of the one that took most, `open`
the most files that one had open at a time. The numbers go to tests/bench/results.json.
"""

import argparse
import csv
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from fad.evaluation.results.text import terminal_table
from fad.utils.cli import run
from fad.utils.errors import FadError
from fad.utils.progress import progress
from tests.bench import results
from tests.helpers.processes import family
from tests.integration.stages import ROOT, Recipe, make_tree, open_recipe

SHARED = ROOT.parent / "shared" / "data"
ENCODER = ROOT / "egs" / "mini" / "pretrained" / "mini_xlsr.pt"
STAGES = {1: "data", 2: "dump", 3: "train", 4: "score", 5: "results"}
SHORTEST, LONGEST = 0.5, 2.0  # seconds
TAG, INTERVAL = "many", 0.2  # seconds


def cut(speech: Path, corpus: Path, count: int, seed: int = 0) -> None:
    """Writes `count` pieces of the clips that `speech`/protocol.tsv lists, each clip's in turn."""
    protocol = speech / "protocol.tsv"
    if not protocol.is_file():
        raise FadError(f"{protocol}: not there: give --speech a folder with clips and protocol.tsv")
    with open(protocol, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    rng = np.random.default_rng(seed)
    rng.shuffle(rows)
    read = cache(lambda path: sf.read(speech / path, dtype="int16"))
    for number in progress(range(count), desc="cut", unit="file"):
        row = rows[number % len(rows)]
        wav, rate = read(row["path"])
        size = min(int(rng.uniform(SHORTEST, LONGEST) * rate), len(wav))
        start = int(rng.integers(len(wav) - size + 1))
        kind = "bonafide" if row["label"] == "bonafide" else f"spoof/{row['attack']}"
        folder = corpus / row["split"] / kind
        folder.mkdir(parents=True, exist_ok=True)
        sf.write(folder / f"{row['utt']}_{number:07d}.flac", wav[start : start + size], rate)


@dataclass
class Watch:
    """The most that any process of a family was seen to take.

    Attributes:
        peak_mib, of: memory of the largest, and what it ran.
        open_files: open at a time in one process.
    """

    peak_mib: float = 0.0
    of: str = ""
    open_files: int = 0

    def look(self, pid: int) -> None:
        """Takes down what a process and its descendants have now."""
        for member in family(pid):
            try:
                files = len(os.listdir(f"/proc/{member}/fd"))
                peak = peak_mib(member)
                words = Path(f"/proc/{member}/cmdline").read_bytes().decode().split("\0")
            except OSError:  # it has ended meanwhile
                continue
            self.open_files = max(self.open_files, files)
            if peak > self.peak_mib:
                self.peak_mib, self.of = peak, what_runs(words)


def peak_mib(pid: int) -> float:
    """The most memory that a process has had; of one that has ended, nothing."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def what_runs(words: list[str]) -> str:
    """`fad.bin.train` of `python -m fad.bin.train ...`, else the name of script or program."""
    named = [word for word in words if word.startswith("fad.bin.") or word.endswith(".py")]
    return Path((named or words)[0]).name


def take_stage(recipe: Recipe, stage: int, log: Path, *options: str | Path) -> dict[str, Any]:
    """Runs a stage, and watches it."""
    watch, started = Watch(), time.perf_counter()
    process = recipe.start("--stage", str(stage), "--stop_stage", str(stage), *options, log=log)
    while process.poll() is None:
        watch.look(process.pid)
        time.sleep(INTERVAL)
    if process.returncode:
        raise subprocess.CalledProcessError(
            process.returncode, f"stage {stage}", log.read_text()[-2000:]
        )
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "largest_mib": round(watch.peak_mib),
        "of": watch.of,
        "open_files": watch.open_files,
        **{name: sizes(recipe.path / name) for name in ("dump", "exp")},
    }


def sizes(folder: Path) -> dict[str, float]:
    """Files below a folder, and their megabytes (10**6 bytes)."""
    files = [path.stat().st_size for path in walk(folder)]
    return {"files": len(files), "mb": round(sum(files) / 1e6, 1)}


def walk(folder: Path) -> Iterator[Path]:
    """All files below a folder."""
    for place, _, names in os.walk(folder):
        yield from map(Path(place).joinpath, names)


def take_all(folder: Path, speech: Path, count: int, nj: int) -> dict[str, dict[str, Any]]:
    """Makes the corpus and runs every stage on it."""
    cut(speech, folder / "corpus", count)
    recipe = replace(open_recipe(make_tree(folder / "tree"), "custom"), pretrained=ENCODER)
    options = ("--corpus_dir", folder / "corpus", "--nj", str(nj), "--tag", TAG)
    options += ("--set", "train.epochs=1")
    found = {}
    for stage, name in STAGES.items():
        found[name] = take_stage(recipe, stage, folder / f"{name}.log", *options)
        logging.info("stage %d, %s: %s", stage, name, found[name])
    return found


def table(found: dict[str, dict[str, Any]]) -> str:
    """The numbers of all stages, for a terminal."""
    header = ["stage", "s", "largest MiB", "of", "open", "dump MB", "files", "exp MB", "files"]
    rows = [
        [
            name,
            *(f"{part[key]:,}" for key in ("seconds", "largest_mib")),
            *(str(part[key]) for key in ("of", "open_files")),
            *(f"{part[of][key]:,}" for of in ("dump", "exp") for key in ("mb", "files")),
        ]
        for name, part in found.items()
    ]
    return terminal_table(header, rows)


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    speech = Path(os.environ.get("FAD_SHARED_DATA", SHARED)) / "speech"
    parser.add_argument("--files", type=int, default=10_000, help="files in the corpus (10,000)")
    parser.add_argument("--nj", type=int, default=2, help="jobs of stages 1, 2 and 4 (2)")
    parser.add_argument("--speech", type=Path, default=speech, help="clips and protocol.tsv")
    parser.add_argument("--results", type=Path, default=results.RESULTS, help="results.json")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = get_parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        found = take_all(Path(name), args.speech, args.files, args.nj)
    print(table(found))
    part = {"files": args.files, "nj": args.nj, "machine": results.machine(), "stages": found}
    results.merge(args.results, {"many_files": part})


if __name__ == "__main__":
    run(main)
