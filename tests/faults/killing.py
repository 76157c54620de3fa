"""Stages that are killed at random moments, again and again, and must end as if they never were.

    python -m tests.faults.killing --kills 40 --seed 3

runs egs/mini with its own encoder, in a copy of the tree, for as long as that takes. `--stages run`
kills whole runs, stages 1 to 5, in place of single stages.
"""

import argparse
import os
import random
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.processes import kill, marked
from tests.integration.stages import ROOT, Recipe, make_tree, open_recipe

TAG = "killed"
STAGES = {"dump": ("2", "2"), "train": ("3", "3"), "score": ("4", "5"), "run": ("1", "5")}
SINGLE = ("dump", "train", "score")
# What a stage makes; kills are of one stage, so that what is before it stays.
MADE = {"dump": ["dump"], "train": ["exp"], "run": ["data", "dump", "exp"]}
MADE["score"] = [f"exp/{TAG}/{name}" for name in ("scores", "calibration.json", "results.json")]
# Logs and costs are of one run, not of its inputs.
OWN = ("checkpoint.pt", "cost.json", "RESULTS.md", "report.html")
OWN_OF_RUN = (*OWN, "utt2state")  # stage 1 makes the audio anew, at another time
KILLS_IN_A_ROW = 3
ALL = 0.6  # of the kills strike all processes, as a power cut does, the others one
START_UP = 0.2  # of a stage's time, in which there is little to break
PATIENCE = 120.0  # seconds for a run to end by itself once one of its processes was killed


@dataclass
class Harness:
    """Kills runs of a recipe.

    Args:
        recipe: with stage 1 done.
        options: of its run.sh, beside the stages.
        seed: of moments and victims.

    Attributes:
        kills: the stage, the second and the victim of each.
    """

    recipe: Recipe
    options: tuple[str | Path, ...]
    seed: int
    kills: list[tuple[str, float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.mark = f"FAD_KILLED={uuid.uuid4()}"
        name, _, value = self.mark.partition("=")
        self.recipe.env[name] = value

    def break_stage(self, stage: str, kills: int) -> None:
        """Runs a stage unbroken, then killed `kills` times; the same bytes must come of it."""
        started = time.monotonic()
        self.finish(stage)
        seconds = time.monotonic() - started
        expected = outcome(self.recipe.path, stage)
        wanted = len(self.kills) + kills
        while len(self.kills) < wanted:
            self.remove_made(stage)
            for _ in range(min(KILLS_IN_A_ROW, wanted - len(self.kills))):
                self._kill(stage, seconds)
            self.finish(stage)
            compare(expected, outcome(self.recipe.path, stage))

    def remove_made(self, stage: str) -> None:
        """Removes what a stage makes."""
        for made in MADE[stage]:
            remove(self.recipe.path / made)

    def words(self, stage: str) -> list[str | Path]:
        """The options of run.sh for a stage."""
        first, last = STAGES[stage]
        return ["--stage", first, "--stop_stage", last, "--tag", TAG, *self.options]

    def finish(self, stage: str) -> None:
        """Runs a stage, which must end well."""
        self.recipe.ok(*self.words(stage))

    def _kill(self, stage: str, seconds: float) -> None:
        """Starts a stage and kills all of its processes, or one of them, if it still runs then."""
        moment = self.rng.uniform(START_UP * seconds, seconds)
        log = self.recipe.path / "killed.log"
        with self.recipe.start(*self.words(stage), log=log) as run:
            try:
                code = run.wait(timeout=moment)
                assert code == 0, log.read_text()
                return
            except subprocess.TimeoutExpired:
                name = self._strike(marked(self.mark))
        if name:
            self.kills.append((stage, round(moment, 2), name))

    def _strike(self, members: list[int]) -> str | None:
        """Kills, waits until nothing runs any more, and says who was killed."""
        if not members:
            return None
        if self.rng.random() < ALL:
            name, reached = "all", 0
            while members:  # one may have started another just before its end
                reached += kill(members)
                members = marked(self.mark)
        else:
            victim = self.rng.choice(members[1:] or members)
            name, reached = _name(victim), kill([victim])
        deadline = time.monotonic() + PATIENCE
        while members := marked(self.mark):
            assert time.monotonic() < deadline, f"still running: {members}"
            time.sleep(0.05)
        return name if reached else None


def remove(path: Path) -> None:
    """Removes a file or a folder, if it is there."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def outcome(recipe: Path, stage: str) -> dict[str, bytes]:
    """The bytes of every file of `data`, `dump` and `exp` that depends on a stage's inputs."""
    own = OWN_OF_RUN if stage == "run" else OWN
    return {str(path.relative_to(recipe)): path.read_bytes() for path in _files(recipe, own)}


def _files(recipe: Path, own: tuple[str, ...]) -> Iterator[Path]:
    for folder in MADE["run"]:
        for path in (recipe / folder).rglob("*"):
            left_out = (
                path.name in own or path.suffix in (".log", ".lock") or "tensorboard" in path.parts
            )
            if path.is_file() and not left_out:
                yield path


def compare(expected: dict[str, bytes], found: dict[str, bytes]) -> None:
    """Asserts that the same files have the same bytes."""
    differing = sorted(set(found) ^ set(expected))
    assert not differing, f"only before or only now: {differing}"
    differing = [name for name in expected if found[name] != expected[name]]
    assert not differing, f"other bytes: {differing}"


def _name(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "one that ended by itself"
    return b" ".join(word.rsplit(b"/", 1)[-1] for word in words[:3]).decode()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=30, help="over all stages (default 30)")
    parser.add_argument("--seed", type=int, default=1, help="of moments and victims (default 1)")
    parser.add_argument("--config", default="lora", help="the method (default lora)")
    parser.add_argument(
        "--stages",
        nargs="+",
        default=SINGLE,
        choices=STAGES,
        help="what is killed (default: each single stage)",
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        tree = make_tree(Path(folder) / "tree")
        recipe = open_recipe(tree, "mini")
        recipe.pretrained = ROOT / "egs" / "mini" / "pretrained" / "mini_xlsr.pt"
        few = "--data_opts=--languages=1"
        recipe.ok("--stop_stage", "1", few)
        options = ("--config", args.config, few, "--set", "train.epochs=4")
        harness = Harness(recipe, (*options, "--set", "train.checkpoint_steps=3"), args.seed)
        for number, stage in enumerate(args.stages):
            kills = (args.kills + number) // len(args.stages)
            harness.break_stage(stage, kills)
            print(*harness.kills[-kills:], sep="\n", flush=True)
    print(f"{len(harness.kills)} kills, the same bytes in the end")


if __name__ == "__main__":
    main()
