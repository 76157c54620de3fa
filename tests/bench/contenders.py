"""Who takes part: where each is built, and in which groups they take turns."""

import importlib
from dataclasses import dataclass

from fad.utils.errors import FadError, nearest
from tests.bench.work import Step, Work


@dataclass(frozen=True)
class Contender:
    """One way to take a step, and about what it takes on 2 cores, for the estimate beforehand.

    Attributes:
        place: module and function that build its step.
        seconds: a step of its group's batch.
        peak, rest: MiB at most, and between steps.
    """

    place: str
    seconds: float
    peak: int
    rest: int

    def build(self, work: Work) -> Step:
        """Its step, ready to be taken."""
        module, _, function = self.place.partition(":")
        return getattr(importlib.import_module(f"tests.bench.{module}"), function)(work)


CONTENDERS = {
    "floor": Contender("floor:floor", 3.5, 1500, 1500),
    "peft": Contender("theirs:peft", 6.5, 3200, 3200),
    "peft_default": Contender("theirs:peft_default", 8.5, 4300, 3800),
    "lora_dump": Contender("ours:lora_dump", 6.0, 3200, 3150),
    "lora_audio": Contender("ours:lora_audio", 6.6, 3200, 3200),
    "lora_block12": Contender("ours:lora_block12", 3.0, 2500, 2000),
    "lora_ckpt": Contender("ours:lora_ckpt", 7.0, 2000, 1900),
    "full": Contender("ours:full", 19.0, 7200, 6400),
    "fairseq_full": Contender("theirs:fairseq_full", 20.0, 7200, 6400),
    "score_floor": Contender("floor:score_floor", 0.3, 1450, 1450),
    "transformers": Contender("theirs:transformers", 0.9, 1800, 1750),
    "fairseq": Contender("theirs:fairseq", 0.9, 2850, 1750),
    "score": Contender("ours:score", 0.9, 1950, 1850),
    "score_int8": Contender("ours:score_int8", 0.6, 1700, 1000),
}


@dataclass(frozen=True)
class Group:
    """Contenders that are alive together and take turns, so that all must fit into memory.

    Attributes:
        batch: clips in a step.
        names: of `CONTENDERS`.
        title: of its table.
    """

    batch: int
    names: tuple[str, ...]
    title: str

    def memory(self) -> int:
        """MiB that all take together while one of them is at its peak."""
        chosen = [CONTENDERS[name] for name in self.names]
        return sum(c.rest for c in chosen) + max(c.peak - c.rest for c in chosen)

    def seconds(self, rounds: int) -> float:
        """That many rounds, and about 10 s to start each contender."""
        return sum(10 + rounds * CONTENDERS[name].seconds for name in self.names)


GROUPS = {
    "train": Group(
        4,
        (
            *("peft", "peft_default", "floor"),
            *("lora_dump", "lora_audio", "lora_block12", "lora_ckpt"),
        ),
        "Training, a step of 4 clips",
    ),
    "full": Group(
        4,
        ("fairseq_full", "full", "lora_dump"),
        "Training against full tuning, a step of 4 clips",
    ),
    "score": Group(
        1,
        ("transformers", "fairseq", "score_floor", "score", "score_int8"),
        "Scoring, one clip at a time",
    ),
}


def find(name: str) -> Contender:
    """The contender of that name.

    Raises:
        FadError: there is none.
    """
    if name not in CONTENDERS:
        raise FadError(f"{name}: no contender; {nearest(name, CONTENDERS)}")
    return CONTENDERS[name]
