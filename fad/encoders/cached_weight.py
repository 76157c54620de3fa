"""A weight that is computed from frozen parameters: once, and again when they change."""

from collections.abc import Callable
from operator import is_

import torch
from torch import Tensor


class CachedWeight:
    """Keeps the value of a function while its arguments are frozen and do not change.

    It sees writing in place, loading a state, moving and replacing a parameter. It does not see
    writing through `.data`, which autograd does not see either.

    Args:
        function: of parameters only; its value is a tensor.
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self._function = function
        self._parameters: tuple[Tensor, ...] = ()
        self._versions: list[tuple[int, int]] = []
        self._value: Tensor | None = None

    def __call__(self, *parameters: Tensor) -> Tensor:
        """The function's value, with its gradient where a parameter asks for one."""
        # Tensors of inference mode have no versions, and may not meet a gradient later.
        if torch.is_inference_mode_enabled() or any(
            value.requires_grad or value.is_inference() for value in parameters
        ):
            self._value = None
            return self._function(*parameters)
        # Writing changes a tensor's version, moving changes its address.
        versions = [(value.data_ptr(), value._version) for value in parameters]
        same = len(parameters) == len(self._parameters) and all(
            map(is_, parameters, self._parameters)
        )
        if self._value is None or not same or self._versions != versions:
            self._parameters, self._versions = parameters, versions
            self._value = self._function(*parameters)
        return self._value
