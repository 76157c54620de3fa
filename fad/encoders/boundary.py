"""The frozen boundary: up to where an encoder is a fixed function of the audio."""

import argparse
import re
from dataclasses import dataclass

from fad.utils.errors import FadError

DUMP_HELP = """what is stored of the frozen part of the encoder: auto, the deepest that serves the
method and fits; none; frontend; block:K, the outputs up to block K; all (default auto)"""

_BLOCK = re.compile(r"block:([1-9]\d{0,4})")


@dataclass(frozen=True, order=True)
class Boundary:
    """Where the frozen part ends: its output can be computed once and stored.

    Boundaries are ordered by depth. The deeper one saves more.

    Attributes:
        depth: -1 where nothing is frozen (`none`: the input is audio); 0 where the frontend is
            (`frontend`: its frames); k where the first k blocks are too (`block:k`: the output of
            block k).
    """

    depth: int

    def __str__(self) -> str:
        return {-1: "none", 0: "frontend"}.get(self.depth, f"block:{self.depth}")


NONE, FRONTEND = Boundary(-1), Boundary(0)


def block(number: int) -> Boundary:
    """The boundary behind block `number`, counted from 1."""
    return Boundary(number)


def needed_outputs(boundary: Boundary, wanted: tuple[int, ...]) -> tuple[int, ...]:
    """What must be stored to go on behind a boundary.

    Args:
        boundary: of the frontend or of a block.
        wanted: the blocks whose outputs the back-end gets.

    Returns:
        Numbers in order, 0 for the frontend: only its frames, or the output of the boundary's
        block and those of the wanted blocks before it.
    """
    below = {number for number in wanted if number < boundary.depth}
    return tuple(sorted(below | {boundary.depth}))


def parse_dump(text: str) -> str:
    """An argparse type for `auto`, `none`, `frontend`, `all` and `block:K`."""
    if text not in ("auto", "none", "frontend", "all") and not _BLOCK.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"expected auto, none, frontend, all or block:K such as block:12, not '{text[:80]}'"
        )
    return text


def named_boundary(name: str, last: int) -> Boundary:
    """What `none`, `frontend`, `all` or `block:K` stand for where block `last` is the last one run.

    Raises:
        FadError: no such block is run.
    """
    named = {"none": NONE, "frontend": FRONTEND, "all": block(last)}
    if name in named:
        return named[name]
    number = int(name.removeprefix("block:"))
    if number > last:
        raise FadError(f"--dump {name}: the last block that the back-end asks for is {last}")
    return block(number)
