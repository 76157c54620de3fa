"""`fad.bin.train`: options to an experiment."""

import json

import pytest

from fad.bin import train
from fad.utils.errors import FadError
from tests.helpers.experiment import SMALL, dump_frames


@pytest.fixture
def options(mini_file, tiny_dump, tmp_path):
    small = [word for setting in SMALL for word in ("--set", setting)]
    paths = [
        "--pretrained",
        str(mini_file),
        "--dump_dir",
        str(tiny_dump),
        "--exp",
        str(tmp_path / "e"),
    ]
    return ["--config", "frozen", *small, *paths]


def test_it_trains_and_records_the_name_of_the_config(options, tmp_path):
    train.main([*options, "--dump", "none", "--set", "train.epochs=1"])
    summary = json.loads((tmp_path / "e" / "train_summary.json").read_text())
    assert summary["config_name"] == "frozen"
    assert json.loads((tmp_path / "e" / "cost.json").read_text())["epochs"] == 1


def test_a_users_own_file_is_named_by_its_stem(options, tmp_path):
    (tmp_path / "mine.yaml").write_text("adaptation: frozen\ntrain: {epochs: 1}\n")
    options[1] = str(tmp_path / "mine.yaml")
    train.main([*options, "--dump", "none", "--set", "train.epochs=1"])
    summary = json.loads((tmp_path / "e" / "train_summary.json").read_text())
    assert (summary["config_name"], summary["adaptation"]) == ("mine", "frozen")


def test_stored_frames_that_are_asked_for_must_be_there(options):
    with pytest.raises(FadError, match=r"frontend-mini/train: missing .*run stage 2 with the same"):
        train.main([*options, "--dump", "frontend"])
    with pytest.raises(SystemExit):
        train.main([*options, "--dump", "blocks"])


def test_a_misspelt_override_makes_no_directory(options, tmp_path):
    with pytest.raises(FadError, match="did you mean 'epochs'"):
        train.main([*options, "--set", "train.epoch=1"])
    assert not (tmp_path / "e").exists()


def test_dumped_frames_are_found(options, tiny_dump, mini_file, tmp_path):
    import shutil

    dump = tmp_path / "dump"
    shutil.copytree(tiny_dump / "audio", dump / "audio")
    dump_frames(dump, mini_file, "train", "dev")
    train.main([*options, "--dump_dir", str(dump), "--set", "train.epochs=1"])
    assert (tmp_path / "e" / "best.safetensors").is_file()
