"""What tests of many parts share: the mini checkpoint and a dumped corpus, made once a run."""

import os
from pathlib import Path

import pytest

from tests.helpers import sharing

# Sums in one order, whoever runs the tests; and workers side by side, which share the cores.
os.environ["OMP_NUM_THREADS"] = "1"


def pytest_collection_modifyitems(items):
    sharing.longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return sharing.ByGroup(config, log)


@pytest.fixture(scope="session")
def mini_data(tmp_path_factory) -> Path:
    """`data` of egs/mini with one of its languages, 76 utterances; for reading."""
    from tests.integration.stages import make_tree, open_recipe

    def make(folder: Path) -> None:
        recipe = open_recipe(make_tree(folder / "tree"), "mini")
        recipe.ok("--data_opts=--languages=1", "--stop_stage", "1")

    return sharing.once(tmp_path_factory, "mini", make) / "tree/egs/mini/data"


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
