"""What tests of many parts share: the mini checkpoint and a dumped corpus, made once a run."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mini_file(tmp_path_factory) -> Path:
    """A checkpoint of two small blocks with random weights, in the released format."""
    from tests.helpers.released import MINI, write_random_checkpoint

    return write_random_checkpoint(tmp_path_factory.mktemp("pretrained") / "mini.pt", MINI)


@pytest.fixture(scope="session")
def tiny_dump(tmp_path_factory) -> Path:
    """Stage 2's audio of two sets of separable clips; each fourth is longer than a crop."""
    from tests.helpers.corpus import write_audio_dump

    dump = tmp_path_factory.mktemp("dump")
    write_audio_dump(dump, "train", 8, seconds=(0.5, 0.7, 4.5, 0.5), seed=1)
    write_audio_dump(dump, "dev", 6, seconds=(0.5, 0.6, 4.3, 0.5), seed=2)
    return dump


@pytest.fixture(scope="session")
def trained(tmp_path_factory, mini_file, tiny_dump) -> Path:
    """An `exp/<tag>` of the mini encoder and the tiny dump."""
    from tests.helpers.experiment import train

    return train(tmp_path_factory.mktemp("exp") / "lora", mini_file, tiny_dump)
