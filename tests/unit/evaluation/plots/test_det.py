import numpy as np
import pytest
from PIL import Image

from fad.evaluation.plots.det import det_limits, det_svg, draw_det, is_marked, shown_groups
from fad.evaluation.results.curves import set_curves
from tests.helpers.reports import scored_trials

BLUE, ORANGE, GREEN, PINK = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


def det_of(distance=2.0, seed=0, trained=()):
    return set_curves(scored_trials(distance, seed), set(trained), None, {})["det"]


def pixels(image, colour):
    wanted = tuple(bytes.fromhex(colour[1:]))
    return (image == wanted).all(axis=1).sum()


def test_the_plot_has_a_curve_in_each_colour_and_the_same_bytes_again(tmp_path):
    det = det_of(trained={"A01"})
    assert shown_groups(det) == ["all", "seen", "unseen"]
    draw_det(tmp_path / "a.png", det, "lora on eval")
    draw_det(tmp_path / "b.png", det, "lora on eval")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    image = np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).reshape(-1, 3)
    assert all(pixels(image, colour) > 300 for colour in (BLUE, ORANGE, GREEN))
    assert pixels(image, PINK) == 0  # no fourth curve


def test_all_attacks_unseen_are_not_drawn_twice():
    det = det_of()
    assert list(det) == ["all", "unseen"]
    assert shown_groups(det) == ["all"]


@pytest.mark.parametrize("distance", [100, -100, 0])
def test_perfect_inverted_and_useless_detectors_can_be_drawn(tmp_path, distance):
    draw_det(tmp_path / "det.png", det_of(distance), "edge")
    assert Image.open(tmp_path / "det.png").size[0] == 800


def test_the_axes_hold_every_eer_and_reach_down_to_one_trial():
    good, bad = det_of(3)["all"], det_of(0.2)["all"]
    low, high = det_limits([good, bad])
    assert low <= 1 / 40 and high >= min(0.99, bad["eer_percent"] / 100)
    assert det_limits([good]) != det_limits([good, bad]) == det_limits([bad, good])


@pytest.mark.parametrize(("distance", "marked"), [(100, False), (1.5, True), (-100, False)])
def test_an_eer_beyond_the_axes_has_no_mark(distance, marked):
    det = det_of(distance)["all"]
    limits = det_limits([det, det_of(1.5)["all"]])
    assert is_marked(det, limits) == marked
    # The mark of the EER alone has a white edge.
    assert (b"stroke: #ffffff" in det_svg({"a": [det]}, "eval", limits)) == marked


def test_a_system_without_curves_keeps_its_colour():
    det = det_of()["all"]
    limits = det_limits([det])
    image = det_svg({"a": [det], "b": [], "c": [det]}, "eval", limits).decode().upper()
    assert BLUE in image and GREEN in image and ORANGE not in image


def test_names_are_written_as_they_are(tmp_path):
    det = det_of()["all"]
    for name in ("_hidden", "$x^2$", r"$\frac{$", "<b>&", "a" * 500):
        first = det_svg({name: [det]}, name, (0.01, 0.4))
        assert first == det_svg({name: [det]}, name, (0.01, 0.4))
        assert b"<b>" not in first
