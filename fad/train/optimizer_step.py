"""The optimizer with its schedule, and in fp16 the scale of the loss.

In fp16 the loss is scaled up, since small gradients would become zero. If a gradient overflows, the
scale is halved and the step is tried again with the same batches. So no step is left out: schedule,
methods and checkpoints count the same steps in every precision.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from fad.config.train import TrainSettings
from fad.models.detector import Detector
from fad.train.optimization import new_optimizer, new_schedule, parameter_groups

_LEAST_SCALE = 1.0  # at which an overflow is the gradient's own


class OptimizerStep:
    """Takes the steps of a training.

    Args:
        detector: on its device.
        config: resolved; it names the optimizer and the schedule.
        settings: the `train` part of the config.
        device: that of the detector.
        total_steps: of the whole training.
        steps_per_epoch: of an epoch.
    """

    def __init__(
        self,
        detector: Detector,
        config: dict[str, Any],
        settings: TrainSettings,
        device: torch.device,
        total_steps: int,
        steps_per_epoch: int,
    ) -> None:
        self.parameters, self.clip = detector.trainable(), settings.clip_grad
        self.optimizer = new_optimizer(config, parameter_groups(detector, settings))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, new_schedule(config, total_steps, steps_per_epoch)
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "fp16")
        # This sets the initial scale, which a process without a share in the first batch needs too.
        self.scaler.scale(torch.zeros((), device=device))

    def parts(self) -> dict[str, Any]:
        """Everything with state, by its name in a checkpoint."""
        return {"optimizer": self.optimizer, "schedule": self.schedule, "scaler": self.scaler}

    def clear(self) -> None:
        """Forgets the gradients."""
        self.optimizer.zero_grad(set_to_none=True)

    def backward(self, loss: Tensor) -> None:
        """Adds the gradient of a loss ()."""
        self.scaler.scale(loss).backward()

    def take(self, check: Callable[[Tensor], None]) -> bool:
        """Clips the gradients and takes a step of the optimizer and of the schedule.

        Args:
            check: is given the norm () of the gradients, and raises an error if it is not finite.

        Returns:
            Whether a step was taken; else the gradients have overflowed in fp16 and are to be
            computed again: the scale is now smaller.
        """
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.clip)
        scale = self.scaler.get_scale()
        if scale <= _LEAST_SCALE:
            check(norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.scaler.get_scale() < scale:
            return False
        self.schedule.step()
        return True
