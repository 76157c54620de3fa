"""Learning rate schedules: the factor on the configured rate in each step.

The program gives a schedule `total_steps` and `steps_per_epoch`. The other arguments come from
`schedule_conf`. A schedule returns a function of the number of optimizer steps done.
"""

import math
from collections.abc import Callable

from fad.utils.errors import FadError

Schedule = Callable[[int], float]


def warmup_cosine(total_steps: int, steps_per_epoch: int, warmup: float = 0.1) -> Schedule:
    """A linear rise from near zero over the first share `warmup` of all steps, then a cosine to 0.

    Raises:
        FadError: `warmup` is not between 0 and 1.
    """
    if not _is_number(warmup) or not 0 <= warmup <= 1:
        raise FadError(f"schedule_conf.warmup is {warmup}; it is a share of all steps, 0 to 1")
    warm = max(1, round(warmup * total_steps))

    def share(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total_steps - warm)))

    return share


def constant(total_steps: int, steps_per_epoch: int) -> Schedule:
    """The configured rate in every step."""
    return lambda step: 1.0


def step(
    total_steps: int, steps_per_epoch: int, every_epochs: int = 10, gamma: float = 0.5
) -> Schedule:
    """Multiplies the rate by `gamma` after every `every_epochs` epochs.

    Raises:
        FadError: a number is out of its range.
    """
    if type(every_epochs) is not int or every_epochs < 1:
        raise FadError(f"schedule_conf.every_epochs is {every_epochs}; give a whole number from 1")
    if not _is_number(gamma) or not 0 < gamma <= 1:
        raise FadError(f"schedule_conf.gamma is {gamma}; it must be over 0 and at most 1")
    return lambda done: gamma ** (done // (every_epochs * steps_per_epoch))


def _is_number(value: object) -> bool:
    return type(value) in (int, float)
