"""Files that people take for a pre-trained model of fairseq's: each is named, with a remedy."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fad.encoders.checkpoint import read_checkpoint
from fad.utils.errors import FadError
from tests.helpers.released import MINI, random_checkpoint


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
