"""The blocks of an encoder that a method works in, and what of them it takes hold of.

By names that both encoders have: `...layers.<index>.` with `self_attn.q_proj`, `fc1` and so on.
"""

import re
from collections.abc import Collection

from torch import nn

from fad.utils.errors import FadError, nearest

_OF_BLOCK = re.compile(r".*\.layers\.(\d+)\.(?:self_attn\.)?(\w+)(\..+)?")


def choose_blocks(blocks: str | list[int], num_layers: int) -> tuple[int, ...]:
    """Block numbers, from 1 and in order, of a config's `all` or list.

    Args:
        blocks: as the config has it.
        num_layers: the last block that is run: one above it would never get a gradient.

    Raises:
        FadError: neither `all` nor a list of blocks that are run.
    """
    if blocks == "all":
        return tuple(range(1, num_layers + 1))
    numbers = blocks if isinstance(blocks, list) else []
    if not numbers or not all(type(n) is int and 1 <= n <= num_layers for n in numbers):
        raise FadError(
            f"adaptation_conf: blocks is {blocks}; give 'all' or numbers 1 to {num_layers}"
            ", the last that encoder_conf.layers asks for"
        )
    return tuple(sorted(set(numbers)))


def check_targets(targets: list[str], known: Collection[str]) -> None:
    """Checks a config's list of linear layers.

    Raises:
        FadError: an empty list, or a name that is not `known`.
    """
    if not isinstance(targets, list) or not targets:
        raise FadError(f"adaptation_conf: target_modules needs a list; {nearest('', known)}")
    for target in targets:
        if target not in known:
            raise FadError(
                f"adaptation_conf: no target module '{target}'; {nearest(str(target), known)}"
            )


def block_of(name: str) -> int | None:
    """The block, from 1, that a parameter or a module of this name is in; None if in none."""
    match = _OF_BLOCK.fullmatch(name)
    return int(match[1]) + 1 if match else None


def find_linear_layers(
    encoder: nn.Module, targets: Collection[str], blocks: Collection[int]
) -> dict[str, nn.Linear]:
    """The linear layers called one of `targets` in `blocks`, by their whole names.

    Raises:
        FadError: there is none; the text has the names that there are.
    """
    found = {}
    for name, module in encoder.named_modules():
        match = _OF_BLOCK.fullmatch(name)
        if match and not match[3] and match[2] in targets and int(match[1]) + 1 in blocks:
            found[name] = module
    if not found:
        names = {name.split(".")[-1] for name, _ in encoder.named_modules()}
        raise FadError(
            f"the adaptation found none of {sorted(targets)} in the encoder's blocks; its modules "
            f"end in {sorted(names)}"
        )
    return found


def find_parameters(encoder: nn.Module, blocks: Collection[int]) -> dict[str, nn.Parameter]:
    """All parameters of `blocks`, by their names.

    Raises:
        FadError: there is none; the text has the names that there are.
    """
    named = dict(encoder.named_parameters())
    found = {name: value for name, value in named.items() if block_of(name) in blocks}
    if not found:
        names = {name.rpartition(".")[0].split(".")[-1] for name in named}
        raise FadError(
            f"the adaptation found none of the blocks {sorted(blocks)} in the encoder, whose "
            f"parameters lie in {sorted(names)}"
        )
    return found


def replace_module(root: nn.Module, name: str, module: nn.Module) -> None:
    """Puts `module` where `name` is."""
    parent, _, attribute = name.rpartition(".")
    setattr(root.get_submodule(parent), attribute, module)
