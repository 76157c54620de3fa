"""`fad.bin.check_pretrained`: what a pre-trained model is, as JSON."""

import json
import math
import shutil

import pytest
import torch

from fad.bin import check_pretrained
from fad.encoders.checkpoint import pretrained_sha256
from fad.encoders.released import RELEASED, parameter_shapes
from fad.utils.errors import FadError
from tests.helpers.huggingface import write_huggingface
from tests.helpers.released import MINI, random_checkpoint


def found(capsys, *options: str) -> dict:
    check_pretrained.main(list(options))
    return json.loads(capsys.readouterr().out)


def test_it_says_what_a_model_is_in_either_format(capsys, mini_file, tmp_path):
    folder = write_huggingface(tmp_path, MINI, random_checkpoint(MINI)["model"])
    for given in (mini_file, folder):
        assert found(capsys, "--pretrained", str(given)) == {
            "parameters": sum(math.prod(shape) for shape in parameter_shapes(MINI).values()),
            "like": [],
            "normalize": True,
            "sha256": pretrained_sha256(given),
        }


def test_released_models_are_known_by_their_shape(capsys, tmp_path):
    shapes = {k: torch.Size(v) for k, v in parameter_shapes(RELEASED["xls-r-300m"]).items()}
    # All tensors are views of the largest, which makes a file of its size.
    values = torch.zeros(max(shape.numel() for shape in shapes.values()))
    state = {key: values[: shape.numel()].view(shape) for key, shape in shapes.items()}
    path = tmp_path / "model.pt"
    torch.save({"cfg": {"model": RELEASED["xls-r-300m"]}, "model": state}, path)
    about = found(capsys, "--pretrained", str(path), "--like", "mms-300m")
    assert about["like"] == ["xls-r-300m", "xlsr-53", "mms-300m"]
    assert about["parameters"] == 317_390_592
    with pytest.raises(FadError, match=r"model.pt: not xls-r-1b: [0-9]+ tensors differ"):
        found(capsys, "--pretrained", str(path), "--like", "xls-r-1b")


def test_a_model_of_another_shape_is_refused_before_anything_is_printed(capsys, mini_file):
    with pytest.raises(FadError, match="not xls-r-300m"):
        found(capsys, "--pretrained", str(mini_file), "--like", "xls-r-300m")
    assert capsys.readouterr().out == ""


def test_tensors_that_do_not_fit_the_config_are_refused(capsys, mini_file, tmp_path):
    content = torch.load(shutil.copy(mini_file, tmp_path / "x.pt"))
    content["cfg"]["model"]["encoder_layers"] = 1
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(FadError, match=r"x.pt: its tensors do not fit its config"):
        found(capsys, "--pretrained", str(tmp_path / "x.pt"))
