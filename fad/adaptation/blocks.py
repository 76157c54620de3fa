"""The blocks that a method works in, and the linear layers of them that it adapts."""

from collections.abc import Collection

from fad.encoders.base import Encoder, LinearLayer
from fad.utils.errors import FadError, nearest


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


def choose_layers(
    encoder: Encoder, targets: Collection[str], blocks: Collection[int]
) -> list[LinearLayer]:
    """The linear layers of `blocks` whose target is one of `targets`, in the encoder's order.

    Raises:
        FadError: the encoder's blocks lack one of `targets`; the text has the names that there are.
    """
    layers = encoder.linear_layers()
    known = {layer.target for layer in layers}
    missing = sorted(set(targets) - known)
    if missing:
        raise FadError(
            f"the blocks of the encoder {type(encoder).__name__} have no linear layer "
            f"{missing[0]}; they have {', '.join(sorted(known))}"
        )
    return [layer for layer in layers if layer.target in targets and layer.block in blocks]
