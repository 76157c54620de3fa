"""Stochastic compression of the blocks' input and attention (arXiv 2204.11934)."""

from typing import Any

import torch
from torch import nn

from fad.adaptation.full import Full
from fad.encoders.base import Encoder
from fad.encoders.boundary import FRONTEND, Boundary
from fad.utils.errors import FadError


class Stochastic(Full):
    """One model that scores at several costs: time is pooled, by factors drawn at random.

    A squeeze averages neighbouring frames before the blocks. In the self-attention of each block,
    queries are averaged by a second factor, keys and values by a third. Training draws the three
    uniformly from their lists in each step; in scoring `set_compute_factor` sets them, by default
    the smallest. With factors of 1 the encoder is unchanged. All of it trains but the frontend (as
    in tuning for speech recognition): 311,227,520 parameters of XLS-R 300M.

    The paper upsamples the squeezed outputs behind the blocks: left out: back-ends here pool over
    time. Assumed, since no code was published: the squeeze comes behind the positional convolution,
    which so sees the rate that it was trained at; the output of a pooled query is repeated; all
    blocks have the same factors in a step.

    Args:
        squeeze: the factors to draw from, for frames before the blocks; a list of one trains for
            one setting.
        query: the same for queries of self-attention.
        key_value: the same for keys and values.

    Raises:
        FadError: a list that is none, or not of whole numbers from 1; or (in `attach`) an encoder
            without such pooling.
    """

    def __init__(self, squeeze: list[int], query: list[int], key_value: list[int]) -> None:
        self.factors = {"squeeze": squeeze, "query": query, "key_value": key_value}
        for name, factors in self.factors.items():
            numbers = factors if isinstance(factors, list) else []
            if not numbers or not all(type(n) is int and n >= 1 for n in numbers):
                raise FadError(
                    f"adaptation_conf: {name} is {factors}; give a list of whole numbers from 1"
                )
        self.set_compute_factor(1)

    def _wrap(self, encoder: Encoder) -> None:
        encoder.pool(**self._chosen)  # refused here where the encoder cannot
        super()._wrap(encoder)
        encoder.register_forward_pre_hook(self._set_factors)

    def owned(self) -> dict[str, nn.Parameter]:
        frontend = self.encoder.frontend_parameters()
        return {name: value for name, value in super().owned().items() if name not in frontend}

    @property
    def boundary(self) -> Boundary:
        return FRONTEND

    def set_compute_factor(self, factor: int) -> None:
        known = sorted({number for numbers in self.factors.values() for number in numbers})
        if factor != 1 and factor not in known:
            raise FadError(
                f"--compute {factor}: this model was trained with the factors "
                f"{', '.join(map(str, known))}: give one of them"
            )
        self._chosen = {
            name: max((n for n in numbers if n <= factor), default=min(numbers))
            for name, numbers in self.factors.items()
        }

    def _set_factors(self, encoder: Encoder, _inputs: tuple[Any, ...]) -> None:
        encoder.pool(**(self._drawn() if encoder.training else self._chosen))

    def _drawn(self) -> dict[str, int]:
        # Training seeds torch in each step: the same for all batches of one, and nothing is drawn
        # from the stream that dropout takes.
        generator = torch.Generator().manual_seed(torch.initial_seed())
        return {
            name: numbers[int(torch.randint(len(numbers), (), generator=generator))]
            for name, numbers in self.factors.items()
        }
