"""Files that people take for a pre-trained model of fairseq's: each is named, with a remedy."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fad.encoders.checkpoint import read_checkpoint
from fad.utils.errors import FadError
from tests.helpers.released import MINI, random_checkpoint

SCALAR = np.float64(0).__reduce__()[0]  # numpy's function for one number


@pytest.fixture
def content():
    return random_checkpoint(MINI)


@pytest.fixture
def saved(tmp_path):
    def save(content) -> Path:
        torch.save(content, tmp_path / "model.pt")
        return tmp_path / "model.pt"

    return save


def test_numpy_scalars_of_extra_state_are_read(content, saved):
    state = {"val_loss": np.float64(2.5), "best": np.float32(1), "updates": np.int64(3)}
    found = read_checkpoint(saved({**content, "extra_state": state})).state
    assert all(torch.equal(found[name], value) for name, value in content["model"].items())


class Made:
    """Pickled as a call of a function with these arguments."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "value",
    [
        Made(SCALAR, Made(np.dtype, "V2000000000")),  # two gigabytes of zeros
        Made(SCALAR, Made(np.dtype, "O"), {"any": "object"}),
        Made(SCALAR, Made(np.dtype, "f8"), b"short"),
        Made(SCALAR, "f8", bytes(8)),
    ],
)
def test_what_is_no_number_of_numpy_is_not_made(content, saved, value):
    with pytest.raises(FadError, match="not a readable checkpoint") as caught:
        read_checkpoint(saved({**content, "extra_state": {"x": value}}))
    assert "of numpy" in str(caught.value)


def as_ctc(content):
    cfg = {"model": {"_name": "wav2vec_ctc", "w2v_args": content["cfg"]}, "task": {}}
    model = {f"w2v_encoder.w2v_model.{k}": v for k, v in content["model"].items()}
    return {"cfg": cfg, "model": model}


def as_wavlm(content):
    return {"cfg": {"relative_position_embedding": True}, "model": content["model"]}


def as_detector(content):
    return {f"module.ssl_model.model.{k}": v for k, v in content["model"].items()}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (as_ctc, "fine-tuned for CTC .* give the pre-trained file"),
        (as_wavlm, "not wav2vec 2.0: it has relative_position_embedding"),
        (as_detector, "begin with 'module.ssl_model.model.', so it is a trained detector"),
        (lambda content: {"model_state": as_detector(content)}, "a trained detector"),
        (lambda content: dict(content["model"]), "no config"),
    ],
)
def test_relatives_are_named_with_a_remedy(content, saved, change, says):
    with pytest.raises(FadError, match=says) as caught:
        read_checkpoint(saved(change(content)))
    assert "\n" not in str(caught.value)
