"""An experiment trained once for the entry points."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def trained(tmp_path_factory, mini_file, tiny_dump) -> Path:
    """An `exp/<tag>` of the mini encoder and the tiny dump."""
    from tests.helpers.experiment import train

    return train(tmp_path_factory.mktemp("exp") / "lora", mini_file, tiny_dump)
