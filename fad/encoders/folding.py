"""What is computed of frozen weights alone: once, and anew when they change."""

from collections.abc import Callable
from operator import is_

import torch
from torch import Tensor


class Folded:
    """Keeps a function's value for as long as its arguments are frozen and stay as they are.

    Writing in place, loading a state, moving and replacing a parameter are seen. Writing through
    `.data` is not: autograd does not see that either.

    Args:
        function: of parameters alone.
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self._function = function
        self._parts: tuple[Tensor, ...] = ()
        self._seen: list[tuple[int, int]] = []
        self._value: Tensor | None = None

    def __call__(self, *parts: Tensor) -> Tensor:
        """The function's value; with its gradient where a part asks for one."""
        # Tensors of inference mode have no versions, and may not meet a gradient later.
        if torch.is_inference_mode_enabled() or any(
            part.requires_grad or part.is_inference() for part in parts
        ):
            self._value = None
            return self._function(*parts)
        # What is written to gets another version, what is moved another address.
        now = [(part.data_ptr(), part._version) for part in parts]
        same = len(parts) == len(self._parts) and all(map(is_, parts, self._parts))
        if self._value is None or not same or self._seen != now:
            self._parts, self._seen, self._value = parts, now, self._function(*parts)
        return self._value
