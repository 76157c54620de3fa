"""Long names stand whole in titles and legends, inside the picture and over nothing else."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fad.evaluation.plots.det import _det_figure, det_limits
from fad.evaluation.plots.panels import panel_size, panels
from fad.evaluation.plots.style import LEGEND_SIZE, TITLE_SIZE, settings
from fad.evaluation.plots.wrapping import wrapped
from fad.evaluation.results.curves import set_curves
from tests.helpers.reports import scored_trials

TAG = "lora+aasist+rawboost_train.lr=0.0003_train.batch_size=8_adaptation_conf.rank=16_seed"
NAMES = ["lora", TAG + "3", TAG + "4", "W" * 70, "_hidden"]


@pytest.mark.parametrize("name", ["", *NAMES])
def test_lines_hold_the_whole_name(name):
    with settings():
        lines = wrapped(name, 2.0, TITLE_SIZE)
    assert lines.replace("\n", "").strip() == name
    assert max(map(len, lines.split("\n"))) < 35


def test_lines_end_where_words_do():
    with settings():
        assert wrapped("all attacks on mini/eval_of_a_set", 2.0, TITLE_SIZE) == (
            "all attacks on mini/eval_of_\na_set"
        )


def test_a_name_without_an_end_is_shortened():
    with settings():
        lines = wrapped("x" * 5000, 2.0, LEGEND_SIZE)
    assert len(lines.replace("\n", "")) == 200 and "…" in lines


def boxes_of(figure, texts):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return [text.get_window_extent(canvas.get_renderer()) for text in texts]


def check_apart_and_inside(figure, boxes):
    width, height = figure.canvas.get_width_height()
    for box in boxes:
        assert 0 <= box.x0 < box.x1 <= width and 0 <= box.y0 < box.y1 <= height
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)


@pytest.mark.parametrize("title", ["lora on eval", f"{TAG}3 on asvspoof2021_la/eval_hidden"])
@pytest.mark.parametrize("count", [1, 3, 5, 15])
def test_the_texts_of_a_det_plot_are_inside_and_apart(title, count):
    det = set_curves(scored_trials(), None, None, {})["det"]["all"]
    names = [NAMES[index % 5] + str(index) for index in range(count)]
    with settings():
        figure = _det_figure({name: [det] for name in names}, title, det_limits([det]))
        (axes,), (legend,) = figure.axes, figure.legends
        texts = [axes._left_title, axes.xaxis.label, axes.yaxis.label, *legend.texts]
        check_apart_and_inside(figure, boxes_of(figure, texts))
        square = axes.get_window_extent()
    assert [text.get_text().replace("\n", "").strip() for text in legend.texts] == [
        f"{name}: EER {det['eer_percent']:.2f} %" for name in names
    ]
    np.testing.assert_allclose(square.width, square.height, rtol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_titles_of_panels_are_inside_and_apart(count):
    with settings():
        figure, grid = panels(NAMES[:count], *panel_size(count))
        for axes in grid[::3]:
            axes.set_ylabel("% of the class")
        check_apart_and_inside(figure, boxes_of(figure, [axes._left_title for axes in grid]))
