"""Which of an encoder's outputs a back-end asks for."""

from fad.errors import FadError


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
