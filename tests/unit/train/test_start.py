"""What a method starts from, in training: once, and the same when it goes on."""

import pytest
import yaml

from fad.adaptation.pela import PELA
from fad.config.resolve import load_config
from fad.models.detector import build_detector, write_weights
from fad.utils.errors import FadError
from fad.utils.files import sha256_file
from tests.helpers.experiment import train


def test_a_method_starts_once_and_from_the_same_file(mini_file, tiny_dump, tmp_path, monkeypatch):
    first = build_detector(load_config("pela"), mini_file).adaptation
    path = tmp_path / "pela.safetensors"
    about = {"base_sha256": sha256_file(mini_file), "c": 3}
    write_weights(path, first.owned(), about)
    options = ["pela", f"adaptation_conf.factors={path}", "train.epochs=1"]
    exp = train(tmp_path / "pela", mini_file, tiny_dump, *options)
    made = yaml.safe_load((exp / "config.yaml").read_text())
    assert made["files"] == {"adaptation_conf.factors": sha256_file(path)}
    monkeypatch.setattr(PELA, "start", None)  # would be called
    train(exp, mini_file, tiny_dump, *options)
    write_weights(path, first.owned(), about | {"steps": 9})
    with pytest.raises(
        FadError, match=r"(?s)another config or other data.*adaptation_conf.factors"
    ):
        train(exp, mini_file, tiny_dump, *options)
    path.unlink()
    train(exp, mini_file, tiny_dump, *options)
