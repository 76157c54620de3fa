"""Which of an encoder's outputs a back-end asks for."""

from fad.utils.errors import FadError


def select_layers(layers: str | list[int], num_layers: int) -> tuple[int, ...]:
    """Block numbers, from 1, for `last`, `all` or a list such as `[5, 24]`.

    Raises:
        FadError: another word, an empty list or a block that the encoder does not have.
    """
    if layers == "last":
        return (num_layers,)
    if layers == "all":
        return tuple(range(1, num_layers + 1))
    numbers = layers if isinstance(layers, list) else []
    if not numbers or not all(type(n) is int and 1 <= n <= num_layers for n in numbers):
        raise FadError(
            f"layers: {layers} is neither 'last' nor 'all' nor a list of blocks 1 to {num_layers}"
        )
    return tuple(sorted(set(numbers)))


def check_num_blocks(num_blocks: int | None, there: int) -> int:
    """How many blocks an encoder keeps of those that its file has; None keeps all.

    Raises:
        FadError: no number from 1 to `there`.
    """
    if num_blocks is None:
        return there
    if type(num_blocks) is not int or not 1 <= num_blocks <= there:
        raise FadError(f"encoder_conf: num_blocks is {num_blocks}; give a number from 1 to {there}")
    return num_blocks
