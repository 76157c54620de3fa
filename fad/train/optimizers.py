"""torch's optimizers, by their names in configs.

The program gives an optimizer the parameter groups, each with its learning rate and weight decay.
The other arguments come from `optimizer_conf`.
"""

from typing import Any

import torch
from torch.optim import Optimizer

from fad.utils.errors import FadError

Groups = list[dict[str, Any]]


def adamw(groups: Groups, betas: list[float] | None = None, eps: float = 1e-8) -> Optimizer:
    """Adam with decoupled weight decay (arXiv 1711.05101)."""
    return _checked(torch.optim.AdamW, groups, betas=tuple(betas or (0.9, 0.999)), eps=eps)


def adam(
    groups: Groups, betas: list[float] | None = None, eps: float = 1e-8, amsgrad: bool = False
) -> Optimizer:
    """Adam (arXiv 1412.6980); weight decay is added to the gradient."""
    pair = tuple(betas or (0.9, 0.999))
    return _checked(torch.optim.Adam, groups, betas=pair, eps=eps, amsgrad=amsgrad)


def sgd(groups: Groups, momentum: float = 0.9, nesterov: bool = False) -> Optimizer:
    """Stochastic gradient descent with momentum; weight decay is added to the gradient."""
    return _checked(torch.optim.SGD, groups, momentum=momentum, nesterov=nesterov)


def _checked(make: type[Optimizer], groups: Groups, **conf: Any) -> Optimizer:
    """Builds the optimizer; raises FadError if torch refuses a value."""
    try:
        return make(groups, **conf)
    except (TypeError, ValueError) as error:
        raise FadError(f"optimizer_conf: {error}") from None
