"""The `train` part of a config: its ranges."""

import pytest

from fad.config.resolve import load_config
from fad.config.train import TrainSettings
from fad.utils.errors import FadError


def settings(*overrides: str) -> TrainSettings:
    return TrainSettings.from_config(load_config("lora", list(overrides))["train"])


def test_the_shipped_values_are_taken():
    found = settings("train.seed=0", "train.patience=null", "train.weight_decay=0.0")
    assert (found.seed, found.patience, found.crop_samples) == (0, None, 64_600)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lr=0.0", "train.lr is 0.0; it must be over 0"),
        ("lr=-1.0", "train.lr is -1.0; it must be over 0"),
        ("lr=.nan", "train.lr is nan"),
        ("lr=.inf", "train.lr is inf"),
        ("clip_grad=0.0", "train.clip_grad is 0.0; it must be over 0"),
        ("weight_decay=-0.1", "train.weight_decay is -0.1; it must be at least 0"),
        ("epochs=0", "train.epochs is 0; it must be at least 1"),
        ("batch_size=0", "train.batch_size is 0"),
        ("accumulate=0", "train.accumulate is 0"),
        ("patience=0", "train.patience is 0"),
        ("seed=-1", "train.seed is -1"),
        ("num_workers=-1", "train.num_workers is -1"),
        ("crop_samples=399", "train.crop_samples is 399; it must be at least 400"),
        ("log_interval=0", "train.log_interval is 0"),
        ("backend_lr=0", "train.backend_lr is 0"),
        ("backend_lr=yes", "train.backend_lr is True; give a number, or null"),
        ("backend_lr=.nan", "train.backend_lr is nan"),
        ("patience=[1]", "type int, not"),
        ("select=best", "train.select: 'best': "),
        ("average_checkpoints=0", "train.average_checkpoints is 0; it must be at least 1"),
    ],
)
def test_a_number_out_of_its_range_is_refused(override, message):
    with pytest.raises(FadError) as caught:
        settings(f"train.{override}")
    assert message in str(caught.value)
