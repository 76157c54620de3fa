"""Contenders in processes of their own, which take turns as they are told."""

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import NamedTuple, TextIO

from fad.utils.errors import FadError
from fad.utils.git import CODE
from tests.bench.work import Work


class Answer(NamedTuple):
    """Of a step, or of being built: its seconds; the peak so far and memory after it, in MiB."""

    seconds: float
    peak_mib: float
    rest_mib: float


class Child:
    """A contender's process, which waits on a pipe between its steps.

    Args:
        name: the contender.
        work: that it does.
        errors: takes what it prints.

    Attributes:
        built: what it took to be ready.
    """

    built: Answer

    def __init__(self, name: str, work: Work, errors: TextIO) -> None:
        self.name, self._errors = name, errors
        order = json.dumps({"name": name, "work": asdict(work)})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.child", order],
            cwd=CODE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )

    def wait_until_built(self) -> None:
        """Waits for its first answer.

        Raises:
            FadError: it has ended instead.
        """
        self.built = self._answer()

    def step(self) -> Answer:
        """Has it take a step, and waits for its end.

        Raises:
            FadError: it has ended instead.
        """
        self._process.stdin.write("step\n")
        self._process.stdin.flush()
        return self._answer()

    def stop(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> Answer:
        line = self._process.stdout.readline()
        if line:
            return Answer(**json.loads(line))
        code = self._process.wait()
        self._errors.seek(0)
        print(self._errors.read()[-4000:], file=sys.stderr)
        cause = "killed, perhaps for its memory" if code < 0 else "see its last words above"
        raise FadError(f"contender '{self.name}' has ended with {code}: {cause}")


@contextmanager
def alive(name: str, work: Work) -> Iterator[Child]:
    """A child that ends with the context."""
    with tempfile.TemporaryFile("w+") as errors:
        child = Child(name, work, errors)
        try:
            child.wait_until_built()
            yield child
        finally:
            child.stop()


def take_turns(
    names: Sequence[str],
    work: Work,
    warmup: int,
    rounds: int,
    seed: int,
    note: Callable[[str], None],
) -> tuple[dict[str, Answer], dict[str, list[Answer]]]:
    """Rounds in which each contender takes one step, in an order drawn anew for each round.

    Whatever slows the machine for a while so hits all alike, and none is always after the same.

    Args:
        names: contenders.
        work: of all.
        warmup: rounds that are not counted.
        rounds: that are.
        seed: of the orders.
        note: is told who is up.

    Returns:
        What each took to be built, and its answers, one a round.
    """
    order, found = random.Random(seed), {name: [] for name in names}
    with ExitStack() as stack:
        children = {}
        for name in names:  # one after the other: building takes both memory and all cores
            note(f"building {name}")
            children[name] = stack.enter_context(alive(name, work))
        for _ in range(warmup + rounds):
            for name in order.sample(list(names), len(names)):
                note(name)
                found[name].append(children[name].step())
        built = {name: child.built for name, child in children.items()}
    return built, {name: answers[warmup:] for name, answers in found.items()}
