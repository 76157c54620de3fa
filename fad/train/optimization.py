"""Builds the optimizer and the schedule of a run from its config."""

from typing import Any

import torch

from fad.config import registry
from fad.config.train import TrainSettings
from fad.models.detector import Detector
from fad.train.optimizers import Groups
from fad.train.schedules import Schedule


def parameter_groups(detector: Detector, settings: TrainSettings) -> Groups:
    """Parameter groups with their rates: one group, or two if the head has its own rate."""
    base = {"lr": settings.lr, "weight_decay": settings.weight_decay}
    if settings.backend_lr is None:
        return [{"params": detector.trainable(), **base}]
    head = {**base, "lr": settings.backend_lr}
    groups = [
        {"params": detector.adaptation.trainable(), **base},
        {"params": detector.head(), **head},
    ]
    return [group for group in groups if group["params"]]


def new_optimizer(config: dict[str, Any], groups: Groups) -> torch.optim.Optimizer:
    """The optimizer that a resolved config names.

    Raises:
        FadError: a value of its `optimizer_conf` is out of range.
    """
    make = registry.get("optimizer", config["optimizer"])
    return make(groups=groups, **config["optimizer_conf"])


def new_schedule(config: dict[str, Any], total_steps: int, steps_per_epoch: int) -> Schedule:
    """The schedule that a resolved config names.

    Raises:
        FadError: a value of its `schedule_conf` is out of range.
    """
    make = registry.get("schedule", config["schedule"])
    return make(total_steps=total_steps, steps_per_epoch=steps_per_epoch, **config["schedule_conf"])


def check_optimization(config: dict[str, Any]) -> None:
    """Checks the optimizer and the schedule before anything large is loaded.

    Raises:
        FadError: one of their values is out of range.
    """
    new_optimizer(config, [{"params": [torch.zeros(1)], "lr": 1.0, "weight_decay": 0.0}])
    new_schedule(config, total_steps=1, steps_per_epoch=1)
