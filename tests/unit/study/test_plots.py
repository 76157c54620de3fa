import pytest
from matplotlib.image import imread

from fad.study.plots import Costed, Point, cost_png, curve_png


def point(x, mean):
    return Point(x, mean, (max(0, mean - 2), mean + 3), [mean - 0.5, mean, mean + 0.5])


@pytest.mark.parametrize("number", [1, 9])
def test_curves_are_drawn_the_same_again(tmp_path, number):
    curves = {f"lora {n}": [point(x, n + 3 / x) for x in (1, 4, 16)] for n in range(number)}
    levels = {"full": 1.0, "frozen": 8.0}
    for name in ("a.png", "b.png"):
        curve_png(tmp_path / name, curves, levels, "EER on eval", "rank", "{:g}".format)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    height, width, _ = imread(tmp_path / "a.png").shape
    assert (width, height) == (1280, 720)


@pytest.mark.parametrize("number", [1, 14, 40])
def test_costs_are_drawn_whether_their_times_are_known_or_not(tmp_path, number):
    systems = [
        Costed(f"m{n % 8}", f"rank {n}", 10 + 100 * n, 0.1 * n or None, point(0, n % 8))
        for n in range(number)
    ]
    cost_png(tmp_path / "a.png", systems, "EER on $eval_x$")
    assert imread(tmp_path / "a.png").shape[1] == 1920


def test_a_perfect_system_and_one_without_an_interval_are_drawn(tmp_path):
    systems = [Costed("full", "", 5, 1.0, Point(0, 0.0, None, [0.0]))]
    cost_png(tmp_path / "a.png", systems, "eval")
    curve_png(tmp_path / "b.png", {"a": [Point(1, 0, None, [0]), Point(2, 0, (0, 0), [0, 0])]}, {},
              "eval", "rank", str)  # fmt: skip
    assert (tmp_path / "b.png").stat().st_size > 1000
