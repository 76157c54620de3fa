"""ReLoRA: low-rank updates that are merged into the weights and restarted (arXiv 2307.05695)."""

import logging
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fad.adaptation.base import TrainState
from fad.adaptation.lora import LoRA
from fad.encoders.base import Encoder
from fad.utils.errors import FadError

PRUNINGS = ("magnitude", "random")

logger = logging.getLogger(__name__)


class ReLoRA(LoRA):
    """LoRA that restarts: each N steps W <- W + (alpha / r) B A; then A is redrawn and B zero.

    The sum of k updates of rank r has a rank of up to k r. A restart zeroes a share of the
    optimizer's state of A and B. The learning rate drops to zero and returns linearly to its
    schedule, also for the back-end, which is in the same optimizer. The paper begins with a warm
    start; here the pre-trained encoder is that.

    As many parameters train as in LoRA: 7,077,888 for all linear layers at rank 16 in XLS-R 300M.
    The weights under them change as well and are saved, in `best.safetensors` and `checkpoint.pt`:
    301,989,888 numbers there, 1.2 GB. They are float32, whatever precision training computes in.

    Args:
        rank: as for `LoRA`.
        alpha: as for `LoRA`.
        target_modules: as for `LoRA`.
        dropout: as for `LoRA`.
        blocks: as for `LoRA`.
        every: N, steps from one restart to the next.
        restart_warmup: steps in which the learning rate comes back after a restart.
        prune: which entries lose their optimizer state: `magnitude`, those of the smallest mean
            gradient, or `random`. An entry loses all of its state, or none: that choice is ours.
        prune_share: the share of entries, in (0, 1].

    Raises:
        FadError: as of `LoRA`.
    """

    averageable = False  # factors of different restarts do not belong together

    def __init__(
        self,
        rank: int,
        alpha: float,
        target_modules: list[str],
        every: int,
        restart_warmup: int,
        prune: str = "magnitude",
        prune_share: float = 0.8,
        dropout: float = 0.0,
        blocks: str | list[int] = "all",
    ) -> None:
        super().__init__(rank, alpha, target_modules, dropout=dropout, blocks=blocks)
        if type(every) is not int or every < 1:
            raise FadError(f"adaptation_conf: every is {every}; it must be a whole number from 1")
        if type(restart_warmup) is not int or not 0 < restart_warmup <= every:
            raise FadError(
                f"adaptation_conf: restart_warmup is {restart_warmup}; it must be a whole number "
                f"from 1 to every, which is {every}"
            )
        if prune not in PRUNINGS:
            raise FadError(f"adaptation_conf: prune is {prune}; give {' or '.join(PRUNINGS)}")
        if type(prune_share) not in (int, float) or not 0 < prune_share <= 1:
            raise FadError(f"adaptation_conf: prune_share is {prune_share}; it must be in (0, 1]")
        self.every, self.restart_warmup = every, restart_warmup
        self.prune, self.prune_share = prune, prune_share

    def _wrap(self, encoder: Encoder) -> None:
        super()._wrap(encoder)
        # From the seed of the run: the same in all processes and after resuming.
        self._seed = int(torch.randint(2**31, ()))

    def saved(self) -> dict[str, Tensor]:
        base = {f"{name}.weight": layer.weight for name, layer in self._layers.items()}
        return super().saved() | base

    def after_step(self, state: TrainState) -> None:
        if state.step == 1 and state.total_steps <= self.every:
            logger.warning(
                "relora: no restart, and so no more than LoRA: adaptation_conf.every is %d, and "
                "there are %d steps: lower it",
                *(self.every, state.total_steps),
            )
        since = state.step % self.every
        if since == 0 and state.step < state.total_steps:
            self._restart(state)
        if state.step >= self.every and since < self.restart_warmup:
            # The schedule computes its rate from the step, so this lasts for one step.
            for group in state.optimizer.param_groups:
                group["lr"] *= since / self.restart_warmup

    @torch.no_grad()
    def _restart(self, state: TrainState) -> None:
        generator = torch.Generator().manual_seed(self._seed + state.step)
        for layer in self._layers.values():
            layer.weight += layer.scaling * layer.lora_B @ layer.lora_A
            fresh = torch.empty_like(layer.lora_A, device="cpu")
            nn.init.kaiming_uniform_(fresh, a=math.sqrt(5), generator=generator)
            layer.lora_A.copy_(fresh)
            layer.lora_B.zero_()
            for parameter in (layer.lora_A, layer.lora_B):
                self._prune(_moments(state.optimizer, parameter), generator)

    def _prune(self, moments: Sequence[Tensor], generator: torch.Generator) -> None:
        """Zeroes the same entries of all: a mean without its square would be a step without end."""
        if not moments:
            return
        kept = self._kept(moments[0], generator)
        for moment in moments:
            moment.mul_(kept)

    def _kept(self, mean: Tensor, generator: torch.Generator) -> Tensor:
        if self.prune == "random":
            return (torch.rand(mean.shape, generator=generator) >= self.prune_share).to(mean.device)
        size = mean.abs().flatten()
        number = math.floor(self.prune_share * len(size))
        return mean.abs() > (size.kthvalue(number).values if number else -1)


def _moments(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> list[Tensor]:
    """The optimizer's state that has the shape of a parameter, such as Adam's two moments."""
    kept = optimizer.state.get(parameter, {}).values()
    return [value for value in kept if value.shape == parameter.shape]
