"""What stage 3 says of a training's code, and of a rate that does not fit its encoder."""

from types import SimpleNamespace

import pytest

from fad.train import experiment


@pytest.mark.parametrize(
    ("method", "total", "rate", "warned"),
    [
        ("lora", 2_400_000, 1e-3, True),
        ("frozen", 2_400_000, 1e-4, True),
        ("lora", 2_400_000, 1e-2, False),
        ("full", 2_400_000, 1e-3, False),
        ("lora", 317_000_000, 1e-3, False),
    ],
)
def test_a_rate_for_xlsr_is_said_to_be_low_for_a_small_encoder(caplog, method, total, rate, warned):
    experiment._warn_of_rate(method, total, rate)
    assert ("--set train.lr=0.01" in caplog.text) == warned


def test_all_commits_of_a_training_that_was_resumed_are_named():
    epochs = [{"git": "c0ffee"}, {"git": "c0ffee"}, {"git": "decade+dirty"}, {}]
    progress = SimpleNamespace(history=epochs)
    assert experiment._all(progress, "git") == "c0ffee and decade+dirty"
    assert experiment._all(SimpleNamespace(history=[{}]), "git") is None
