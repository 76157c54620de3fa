"""The line from frames to scores on a Hugging Face folder, and what it refuses afterwards."""

import json
import logging
import shutil

import pytest
import torch
import yaml

from fad.bin import dump_frames as entry
from fad.encoders.checkpoint import pretrained_sha256
from fad.models.detector import load_detector, read_weights
from fad.utils.errors import FadError
from tests.helpers.contract import logits
from tests.helpers.experiment import dump_frames, train
from tests.helpers.huggingface import WEIGHTS, edit_json, write_huggingface
from tests.helpers.released import MINI, random_checkpoint


@pytest.fixture(scope="module")
def line(tiny_dump, tmp_path_factory):
    """A model's folder, a dump with its frames, and an experiment trained from them."""
    root = tmp_path_factory.mktemp("line")
    folder = write_huggingface(root / "xls-r.v2", MINI, random_checkpoint(MINI)["model"])
    shutil.copytree(tiny_dump / "audio", root / "dump" / "audio")
    dump_frames(root / "dump", folder, "train", "dev")
    exp = train(root / "exp", folder, root / "dump", stored="frontend")
    return folder, root / "dump", exp


def test_everything_is_recorded_with_the_folders_identity(line):
    folder, dump, exp = line
    sha256 = pretrained_sha256(folder)
    assert read_weights(exp / "best.safetensors")[1] == sha256
    config = yaml.safe_load((exp / "config.yaml").read_text())
    assert config["pretrained"] == {"path": str(folder), "sha256": sha256}
    frames = dump / "frontend-xls-r.v2-hf" / "train"
    assert json.loads((frames / "encoder.json").read_text())["sha256"] == sha256


def test_frames_of_the_folder_are_those_of_the_weights_in_it(line, caplog):
    folder, dump, _ = line
    options = ["--config", "lora", "--dump_dir", str(dump), "--name", "train"]
    with caplog.at_level(logging.INFO):
        entry.main([*options, "--pretrained", str(folder / WEIGHTS)])
    assert "there already" in caplog.text


def test_scores_are_the_same_from_the_folder_its_weights_and_another_place(line, tmp_path):
    folder, _, exp = line
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    expected = logits(load_detector(exp))
    for place in (folder / WEIGHTS, moved, moved / WEIGHTS):
        assert torch.equal(logits(load_detector(exp, place)), expected)


def test_another_model_or_another_reading_of_it_is_refused(line, mini_file, tmp_path):
    folder, _, exp = line
    others = [shutil.copytree(folder, tmp_path / name) for name in ("flag", "weights")]
    edit_json(others[0] / "preprocessor_config.json", do_normalize=False)
    shutil.rmtree(others[1])
    write_huggingface(others[1], MINI, random_checkpoint(MINI, seed=9)["model"])
    for other in (*others, mini_file):
        with pytest.raises(FadError, match=r"not the pre-trained file that .* trained with"):
            load_detector(exp, other)
    with pytest.raises(FadError, match="none: no such pre-trained file or folder; give --pre"):
        load_detector(exp, tmp_path / "none")
