"""Runs that are killed just before or just after they put a chosen file in its place.

    python -m tests.faults.renames --kills 25 --seed 3

Every file is written beside its place and renamed. A first run lists the renames of the files that
say what was made from what (digests, states, records); then whole runs of egs/mini are killed at
random ones of them, go on, and must end with the bytes of the first.
"""

import argparse
import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faults.killing import Harness, compare, outcome
from tests.helpers.processes import kill, marked
from tests.integration.stages import make_tree, open_recipe

# What says which audio, dumps and weights a file was made from, as parts and as a whole.
IDENTITY = ("utt2digest", "utt2state", "made_from.json", "encoder.json", "wav.scp", "scores")
# Python imports it at its start. A process dies at the rename that FAD_DIE names: `NUMBER before`.
PLANT = """
import os, signal, time
log, die, replace = os.environ["FAD_RENAMES"], os.environ.get("FAD_DIE", ""), os.replace
def watched(source, target, **more):
    with open(log, "a+") as file:
        file.write(f"{target}\\n")
        file.flush()
        file.seek(0)
        number = len(file.readlines())
    if die == f"{number} before":
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target, **more)
    if die == f"{number} after":
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = watched
"""


class Renames:
    """Kills whole runs at their renames.

    Args:
        harness: its recipe has nothing made yet.
        folder: for the list of renames and the code that Python starts with.
    """

    def __init__(self, harness: Harness, folder: Path) -> None:
        self.harness, self.env = harness, harness.recipe.env
        self.log = folder / "renames"
        (folder / "sitecustomize.py").write_text(PLANT)
        self.env |= {"FAD_RENAMES": str(self.log), "PYTHONPATH": str(folder)}
        harness.finish("run")
        self.expected = outcome(harness.recipe.path, "run")
        self.targets = self.log.read_text().splitlines()

    def of(self, words: Sequence[str]) -> list[int]:
        """The numbers, from 1, of renames to files of which a part of the path has such a name."""
        return [
            number
            for number, target in enumerate(self.targets, 1)
            if any(part.startswith(tuple(words)) for part in Path(target).parts[-2:])
        ]

    def kill(self, number: int, when: str) -> None:
        """Kills a whole run at a rename, lets it go on, and compares the bytes."""
        self.harness.remove_made("run")
        self.log.unlink()
        self.env["FAD_DIE"] = f"{number} {when}"
        assert self.harness.recipe.run(*self.harness.words("run")).returncode != 0
        del self.env["FAD_DIE"]
        kill(marked(self.harness.mark))
        self.harness.finish("run")
        compare(self.expected, outcome(self.harness.recipe.path, "run"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1, help="of the choice of renames (default 1)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        recipe = open_recipe(make_tree(folder / "tree"), "mini")
        options = ("--config", "lora", "--data_opts=--languages=1", "--set", "train.epochs=2")
        renames = Renames(Harness(recipe, options, args.seed), folder)
        numbers, rng = renames.of(IDENTITY), random.Random(args.seed)
        print(f"{len(numbers)} of {len(renames.targets)} renames are of such files", flush=True)
        for _ in range(args.kills):
            number, when = rng.choice(numbers), rng.choice(("before", "after"))
            renames.kill(number, when)
            target = os.path.relpath(recipe.path / renames.targets[number - 1], recipe.path)
            print(f"killed {when} {target}: same bytes", flush=True)
    print(f"{args.kills} kills, the same bytes in the end")


if __name__ == "__main__":
    main()
