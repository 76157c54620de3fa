"""What is compared, against which target, and the arithmetic: quotients within rounds."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

Numbers = Sequence[float]


class Ratio(NamedTuple):
    """`ours` over `theirs` in a group, in seconds or in peak memory; `target` is at most."""

    group: str
    ours: str
    theirs: str
    target: float | None = None
    of: str = "seconds"


RATIOS = {
    "lora_dump_vs_peft": Ratio("train", "lora_dump", "peft", 0.75),
    "lora_dump_vs_peft_memory": Ratio("train", "lora_dump", "peft", 0.8, "peak_mib"),
    "lora_dump_vs_full": Ratio("full", "lora_dump", "fairseq_full", 0.4),
    "lora_ckpt_vs_peft_memory": Ratio("train", "lora_ckpt", "peft", 0.6, "peak_mib"),
    "lora_ckpt_vs_peft": Ratio("train", "lora_ckpt", "peft", 1.1),
    "lora_audio_vs_peft": Ratio("train", "lora_audio", "peft", 0.9),
    "lora_block12_vs_peft": Ratio("train", "lora_block12", "peft", 0.42),
    "score_vs_transformers": Ratio("score", "score", "transformers", 0.8),
    "score_int8_vs_transformers": Ratio("score", "score_int8", "transformers", 0.5),
    "lora_dump_vs_floor": Ratio("train", "lora_dump", "floor"),
    "peft_vs_floor": Ratio("train", "peft", "floor"),
    "score_vs_floor": Ratio("score", "score", "score_floor"),
}


def summary(values: Numbers) -> dict[str, float]:
    """Median, smallest and largest."""
    return {"median": median(values), "min": min(values), "max": max(values)}


def quotients(ours: Numbers, theirs: Numbers) -> list[float]:
    """Ours over theirs, round by round: both were measured within a minute of each other.

    Raises:
        ValueError: one took part in more rounds than the other.
    """
    return [own / other for own, other in zip(ours, theirs, strict=True)]


def compare(group: str, rounds: Mapping[str, Mapping[str, Numbers]]) -> dict[str, dict[str, float]]:
    """The ratios of a group whose two sides both took part.

    Args:
        group: its name.
        rounds: `seconds` and `peak_mib` of each contender, one a round.

    Returns:
        The median, min and max over rounds of each ratio, by its name.
    """
    return {
        name: summary(quotients(rounds[ratio.ours][ratio.of], rounds[ratio.theirs][ratio.of]))
        for name, ratio in RATIOS.items()
        if ratio.group == group and {ratio.ours, ratio.theirs} <= rounds.keys()
    }
