"""What is computed of frozen weights alone: once, and anew when they change."""

from collections.abc import Callable

from torch import Tensor


class Folded:
    """Keeps a function's value for as long as its arguments are frozen and stay as they are.

    Args:
        function: of parameters alone.
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self._function = function
        self._seen: list[tuple[object, ...]] = []
        self._value: Tensor | None = None

    def __call__(self, *parts: Tensor) -> Tensor:
        """The function's value; with its gradient where a part asks for one."""
        if any(part.requires_grad for part in parts):
            self._value = None
            return self._function(*parts)
        # What is written to gets another version, what is moved or replaced another address.
        now = [(part.data_ptr(), part._version, part.device, part.shape) for part in parts]
        if self._value is None or self._seen != now:
            self._seen, self._value = now, self._function(*parts)
        return self._value
