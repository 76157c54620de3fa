from pathlib import Path

import pytest

from fad.config.resolve import merge_config
from fad.evaluation.results.description import describe, settings


def test_settings_are_what_differs_from_the_shipped_config():
    config = merge_config("lora_r16", ["train.epochs=3", "backend=aasist"])
    assert settings(config | {"data": {}}, "lora_r16") == {"train.epochs": "3", "backend": "aasist"}
    assert settings(merge_config("lora_r16"), "lora_r16") == {}


def test_settings_of_a_config_of_ones_own_count_from_base():
    found = settings(merge_config("lora", ["train.lr=0.5"]), "mine")
    assert (found["adaptation"], found["train.lr"]) == ("lora", "0.5")
    assert "encoder" not in found


def test_the_place_of_the_pretrained_file_is_no_setting(experiment):
    with (experiment.exp / "config.yaml").open("a") as file:
        file.write("pretrained:\n  path: /somewhere\n")
    found = describe(experiment.directory, Path("none"))
    assert "pretrained" not in found["config"]
    assert found["settings"] == {"train.lr": "0.5"}
    assert found["pretrained"] == {"path": "mini.pt", "sha256": "ab" * 32}


def test_a_missing_config_is_named(experiment):
    from fad.utils.errors import FadError

    (experiment.exp / "config.yaml").unlink()
    with pytest.raises(FadError, match=r"config.yaml: cannot be read"):
        describe(experiment.directory, Path("none"))
