"""The `train` part of a config."""

from dataclasses import dataclass
from types import NoneType
from typing import Any

from fad.utils.errors import FadError, nearest

CHOICES = {
    "crop": ("random", "first"),
    "dump_dtype": ("float32", "float16"),
    "select": ("dev_eer", "dev_loss", "train_loss", "last"),
}
NULLABLE = ("patience", "backend_lr")
_TOO_MUCH = 2**31  # random generators take no larger seed


@dataclass(frozen=True)
class TrainSettings:
    """The settings of training; conf/base.yaml has the default and the meaning of each."""

    seed: int
    epochs: int
    select: str
    patience: int | None
    average_checkpoints: int
    batch_size: int
    accumulate: int
    lr: float
    backend_lr: float | None
    weight_decay: float
    clip_grad: float
    crop: str
    crop_samples: int
    dump_dtype: str
    activation_checkpointing: bool
    compile: bool
    precision: str
    num_workers: int
    log_interval: int
    checkpoint_steps: int

    @classmethod
    def from_config(cls, train: dict[str, Any]) -> "TrainSettings":
        """Checks the values.

        Raises:
            FadError: a number out of its range.
        """
        settings = cls(**train)
        least = {"seed": 0, "weight_decay": 0, "num_workers": 0, "crop_samples": 400}
        for name, words in CHOICES.items():
            if train[name] not in words:
                raise FadError(f"train.{name}: '{train[name]}': {nearest(train[name], words)}")
        if settings.compile and settings.activation_checkpointing:
            raise FadError(
                "train.compile and train.activation_checkpointing are both true: "
                "compiled blocks cannot be checkpointed: choose one"
            )
        for name, value in train.items():
            bound = least.get(name, 0 if isinstance(value, float) else 1)
            strict = name in ("lr", "backend_lr", "clip_grad")
            if name in NULLABLE and type(value) not in (int, float, NoneType):
                raise FadError(f"train.{name} is {value}; give a number, or null")
            if isinstance(value, str | bool | NoneType):
                continue
            # Written so that it refuses NaN too.
            if not bound <= value < _TOO_MUCH or (strict and value == bound):
                wanted = f"{'over' if strict else 'at least'} {bound}, and under {_TOO_MUCH}"
                raise FadError(f"train.{name} is {value}; it must be {wanted}")
        return settings
