"""Counts on a shape alone are those of the real thing, and those that the papers give."""

import pytest
from safetensors.torch import load_file

from fad.adaptation.base import TrainState
from fad.config import shipped
from fad.config.resolve import load_config
from fad.models.detector import build_detector, save_detector
from fad.models.parameters import count_config, read_shape

# On XLS-R 300M: 24 blocks, D = 1024, 16 heads, FFN 4096.
KNOWN = {
    "lora": 24 * 2 * 4 * 2048,
    "lora_r16": 1_572_864,
    "lora_rs": 4 * 1_572_864,
    "lorta": 1_132 * 64,
    "adapter": 1_622_784,
    "bitfit": 24 * (6 * 1024 + 4096),
    "topk": 2 * 12_596_224,
    "full": 315_437_696,
    "dpf": 24 * 12_596_224,
    "pela": 24 * (4 * 170 * 2048 + 2 * 273 * 5120),
    "dgsct": 15_737_808,
}


@pytest.mark.parametrize("name", shipped.counted())
def test_a_shape_counts_as_the_detector_and_its_file_do(mini_file, tmp_path, name):
    config = load_config(name)
    counted = count_config(config, read_shape(mini_file))
    detector = build_detector(config, mini_file)
    assert counted.parameters == detector.count()
    if not detector.adaptation.is_complete:  # its file is as small at its end alone
        detector.adaptation.after_step(TrainState(1, 1, None, None))
    save_detector(detector, tmp_path / "best.safetensors", "ab" * 32)
    # Of a shape it is not known how many weights which layer keeps: a few bytes more or less.
    expected = pytest.approx(counted.saved_bytes, abs=128 if name == "dpf" else 0)
    saved = load_file(tmp_path / "best.safetensors")
    assert sum(value.nbytes for value in saved.values()) == expected


@pytest.mark.parametrize("name", KNOWN)
def test_numbers_on_xls_r_300m(name):
    counted = count_config(load_config(name), read_shape(None)).parameters
    assert counted["adaptation"] == KNOWN[name]


def test_nothing_of_a_shape_has_values(mini_file):
    for shape in (read_shape(None), read_shape(mini_file)):
        assert {value.device.type for value in shape.state.values()} == {"meta"}
