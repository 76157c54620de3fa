import numpy as np
import pytest
from PIL import Image

from fad.report.det_plot import draw_det


def gaussian(distance, count=200):
    rng = np.random.default_rng(0)
    return rng.normal(distance, 1, count), rng.normal(0, 1, count)


def test_the_plot_has_a_curve_in_each_colour_and_the_same_bytes_again(tmp_path):
    curves = {"all": gaussian(2), "seen": gaussian(3), "unseen": gaussian(1)}
    draw_det(tmp_path / "a.png", curves, "lora on eval")
    draw_det(tmp_path / "b.png", curves, "lora on eval")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    image = np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).reshape(-1, 3)
    for colour in ((0x00, 0x72, 0xB2), (0x00, 0x9E, 0x73), (0xD5, 0x5E, 0x00)):
        assert (image == colour).all(axis=1).sum() > 300
    assert not (image == (0xCC, 0x79, 0xA7)).all(axis=1).any()  # no fourth curve


@pytest.mark.parametrize("distance", [100, -100, 0])
def test_perfect_inverted_and_useless_detectors_can_be_drawn(tmp_path, distance):
    draw_det(tmp_path / "det.png", {"all": gaussian(distance, 20)}, "edge")
    assert Image.open(tmp_path / "det.png").size == (900, 900)


def test_an_error_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="no spoof scores"):
        draw_det(tmp_path / "det.png", {"all": (np.ones(3), np.ones(0))}, "empty")
    assert list(tmp_path.iterdir()) == []
