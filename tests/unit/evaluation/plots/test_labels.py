import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fad.evaluation.plots.labels import Label, place_labels, shared_area, spread_apart
from fad.evaluation.plots.style import new_figure, settings


def place(points, lines=()):
    """The boxes of labels beside points in a panel from 0 to 1, and the panel's own."""
    with settings():
        figure = new_figure(5, 4)
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        figure.draw_without_rendering()
        labels = [Label(f"method {n}", x, y, "#000000") for n, (x, y) in enumerate(points)]
        boxes = place_labels(axes, labels, points, lines)
        marks = axes.transData.transform(points)
        return boxes, marks, axes.get_window_extent().extents


@pytest.mark.parametrize("seed", range(5))
def test_no_name_covers_another_or_a_marker_or_leaves_the_panel(seed):
    points = np.random.default_rng(seed).uniform(0.02, 0.98, (14, 2)).tolist()
    boxes, marks, panel = place(points)
    for n, box in enumerate(boxes):
        assert all(shared_area(box, other) == 0 for other in boxes[n + 1 :])
        assert not any(box[0] < x < box[2] and box[1] < y < box[3] for x, y in marks)
        assert shared_area(box, panel) == pytest.approx((box[2] - box[0]) * (box[3] - box[1]))


def test_a_name_keeps_clear_of_lines():
    ((left, bottom, right, top),), ((x, y),), _ = place([(0.5, 0.5)])
    assert left > x and bottom < y < top  # right of its point, where there is room
    width = right - left
    bar = 0.5 + 0.3 * width / 500
    ((left, _, right, _),), ((x, _),), _ = place([(0.5, 0.5)], [(bar, 0.0, bar, 1.0)])
    assert right < x


def test_heights_are_kept_apart_and_where_there_is_room_as_they_were():
    assert spread_apart([5.0, 1.0], 1.0) == [5.0, 1.0]
    found = spread_apart([3.0, 3.0, 3.2, 9.0], 1.0)
    assert sorted(found) == pytest.approx([2.0666667, 3.0666667, 4.0666667, 9.0])
    assert np.mean(found[:3]) == pytest.approx(np.mean([3.0, 3.0, 3.2]))
    assert spread_apart([], 1.0) == []


def test_heights_keep_their_order():
    wanted = np.random.default_rng(0).uniform(0, 5, 20).tolist()
    found = spread_apart(wanted, 0.5)
    assert np.argsort(found).tolist() == np.argsort(wanted).tolist()
    assert np.diff(sorted(found)).min() > 0.5 - 1e-9
