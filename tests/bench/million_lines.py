"""A corpus of a million utterances: seconds and peak memory of all that reads or writes its tables.

    python -m tests.bench.million_lines [--lines 1000000]

By hand. Each step is a process of its own; `CPU s` is what the step alone has worked, whoever else
was at work. `before` is what it had in memory when the step began (Python, libraries, and what the
step is given), `peak` the most it had at all. Where a set-up serves data workers, `worker` is what
one that has asked for every utterance has in memory for itself alone. The clips are one file under
a thousand names, in one folder that has a name for each further thousand: asking for the size of
each costs a call of the system, but no inode of a disk. The numbers go to tests/bench/results.json.
"""

import argparse
import contextlib
import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fad.evaluation.results.text import terminal_table
from fad.utils.cli import run
from tests.bench import lines_corpus
from tests.bench.lines_corpus import Places

ROOT = Path(__file__).parents[2]
JOBS = 8
Run = Callable[[], object]


def memory_mib(*keys: str, file: str = "status") -> float:
    """Lines of a file of /proc on this process, in MiB, added."""
    found = 0
    for line in Path(f"/proc/self/{file}").read_text().splitlines():
        name, _, value = line.partition(":")
        found += int(value.split()[0]) if name in keys else 0
    return found / 1024


def write(folder: Path, count: int) -> Run:
    """Writes the tables of a dump."""
    from fad.data.tables import write_data_dir

    found = lines_corpus.data_tables(folder, count)
    return lambda: write_data_dir(Places(folder).audio, found)


def validate(folder: Path, count: int) -> Run:
    """fad.bin.validate_data_dir."""
    from fad.bin.validate_data_dir import main

    return lambda: main([str(Places(folder).audio)])


def prepare(folder: Path, count: int) -> Run:
    """Stage 1 of egs/custom, from a protocol."""
    main, places = program(ROOT / "egs/custom/local/prepare.py"), Places(folder)
    return lambda: main(["--corpus_dir", str(places.corpus), "--out", str(places.prepared)])


def fingerprint(folder: Path, count: int) -> Run:
    """That of a dump, as training takes it."""
    from fad.data.fingerprint import fingerprint

    return lambda: fingerprint(Places(folder).audio)


def classes(folder: Path, count: int) -> Run:
    """The labels, as training reads them."""
    from fad.train.experiment import read_classes

    return lambda: read_classes(Places(folder).audio)


def tiny_grid() -> Any:
    """A frontend's: 20 ms, few channels."""
    from fad.encoders.frame_grid import FrameGrid

    return FrameGrid(((32, 10, 5), *((32, 3, 2),) * 4, *((32, 2, 2),) * 2))


def audio(folder: Path, count: int) -> Run:
    """An AudioSource, its data worker, and batches by length."""
    from fad.data.batches import length_batches
    from fad.data.sources import AudioSource

    grid = tiny_grid()

    def use() -> dict[str, float]:
        source = AudioSource(Places(folder).audio, grid, normalize=True)
        batches = length_batches(source, range(count), 3200, equal_lengths=False)
        assert sum(map(len, batches)) == count
        return {"worker_mib": worker_mib(source, count)}

    return use


def frames(folder: Path, count: int) -> Run:
    """A FrameSource, its data worker, and the order of an epoch."""
    from fad.data.batches import EpochBatches
    from fad.dump.layout import Stored
    from fad.dump.sources import FrameSource

    grid, places = tiny_grid(), Places(folder)

    def use() -> dict[str, float]:
        kind = Stored(0, grid.channels, None, "float32")
        source = FrameSource([(kind, places.frames)], places.audio, grid)
        assert sum(map(len, EpochBatches(count, 4, seed=1))) == count
        return {"worker_mib": worker_mib(source, count)}

    return use


def worker_mib(source: Any, count: int) -> float:
    """What a fork that has asked for every utterance does not share: more than it began with."""
    from fad.data import sources
    from fad.utils.errors import FadError

    def refuse(file: str, *_: object) -> None:
        raise FadError(f"{file}: a name alone")

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        sources.read_audio = sources.read_matrix = refuse
        before = own_mib()
        for index in range(count):
            with contextlib.suppress(FadError):
                source.load(index)
        os.write(writing, str(own_mib() - before).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found = float(pipe.read())
    os.waitpid(child, 0)
    return found


def own_mib() -> float:
    """What this process shares with no other."""
    return memory_mib("Private_Clean", "Private_Dirty", file="smaps_rollup")


def join_scores(folder: Path, count: int) -> Run:
    """A set cut into shards, whose scores lie there, dealt out to jobs, checked and joined."""
    from fad.dump.jobs import deal
    from fad.dump.shards import audio_parts

    out, audio, about = folder / "joined", Places(folder).audio, ["precision fp32"]
    parts = audio_parts(out, audio, about)
    for number in parts.numbers:
        parts.write(number, {parts.utts[index]: "-1.234567" for index in parts.shard(number)})
    del parts

    def use() -> None:
        again = audio_parts(out, audio, about)
        count = len(again.shards)
        assert sum(len(deal(count, job, JOBS)) for job in range(1, JOBS + 1)) == count
        again.check_done(JOBS)
        again.join()
        again.remove()

    return use


def evaluate(folder: Path, count: int) -> Run:
    """fad.bin.evaluate, with the data directory as the key."""
    from fad.bin.evaluate import main

    places = Places(folder)
    return lambda: main(["--scores", str(places.scores), "--key", str(places.audio), "--json"])


def calibrate(folder: Path, count: int) -> Run:
    """fad.bin.calibrate."""
    from fad.bin.calibrate import main

    places = Places(folder)
    words = ["--scores", places.scores, "--labels", places.audio / "utt2label"]
    words += ["--out", folder / "calibration.json"]
    return lambda: main(list(map(str, words)))


def write_results(folder: Path, count: int) -> Run:
    """fad.bin.results: stage 5 of one test set of all lines."""
    from fad.bin.results import main
    from fad.experiment.directory import ExperimentDir
    from fad.experiment.scores import record_scoring

    places = Places(folder)
    record_scoring(ExperimentDir(places.exp), places.scores, places.audio)
    words = ["--exp", places.exp, "--test", f"train={places.audio}"]
    return lambda: main(list(map(str, words)))


STEPS = {
    "write the tables": write,
    "validate": validate,
    "prepare (egs/custom)": prepare,
    "fingerprint": fingerprint,
    "classes": classes,
    "audio source, batches by length": audio,
    "frame source, an epoch's order": frames,
    "split, and join the jobs' scores": join_scores,
    "evaluate": evaluate,
    "calibrate": calibrate,
    "results": write_results,
}


def program(path: Path) -> Callable[[list[str]], None]:
    """`main` of a program that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def take(name: str, folder: Path, count: int) -> dict[str, float]:
    """Runs a step in this process; what it prints is dropped."""
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
        step = STEPS[name](folder, count)
        before = memory_mib("VmRSS")
        started, worked = time.perf_counter(), time.process_time()
        found = step()
        numbers = {
            "seconds": time.perf_counter() - started,
            "cpu_seconds": time.process_time() - worked,
            "before_mib": before,
            "peak_mib": memory_mib("VmHWM"),
        }
    if isinstance(found, dict) and "worker_mib" in found:
        numbers["worker_mib"] = found["worker_mib"]
    return {key: round(value, 1) for key, value in numbers.items()}


def take_alone(name: str, folder: Path, count: int) -> dict[str, float]:
    """Runs a step in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.million_lines", "--step", name]
    command += ["--folder", str(folder), "--lines", str(count)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=1_000_000, help="utterances")
    parser.add_argument("--results", type=Path, help="results.json (the bench's own)")
    parser.add_argument("--step", choices=STEPS, help="this one, in this process; needs --folder")
    parser.add_argument("--folder", type=Path, help="where to keep the corpus (default: nowhere)")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = get_parser().parse_args(argv)
    if args.step:
        print(json.dumps(take(args.step, args.folder, args.lines)))
        return
    with tempfile.TemporaryDirectory() as name:
        lines_corpus.write_all(Path(name), args.lines)
        found = {}
        for step in STEPS:
            found[step] = take_alone(step, Path(name), args.lines)
            logging.info("%s: %s", step, found[step])
    print(table(found))
    from tests.bench import results  # with torch, which most steps do without

    part = {"lines": args.lines, "machine": results.machine(), "steps": found}
    results.merge(args.results or results.RESULTS, {"million_lines": part})


def table(found: dict[str, dict[str, float]]) -> str:
    """The numbers of all steps, for a terminal."""
    keys = ("seconds", "cpu_seconds", "before_mib", "peak_mib", "worker_mib")
    rows = [
        [step, *(f"{numbers[key]:,.1f}" if key in numbers else "-" for key in keys)]
        for step, numbers in found.items()
    ]
    return terminal_table(["step", "s", "CPU s", "before MiB", "peak MiB", "worker MiB"], rows)


if __name__ == "__main__":
    run(main)
