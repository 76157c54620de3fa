import xml.etree.ElementTree as ElementTree

import pytest

from fad.evaluation.plots.attacks import MOST_ROWS, attack_order, attack_svg
from fad.evaluation.plots.calibration import calibration_svg
from fad.evaluation.plots.cost import CostPoint, cost_svg
from fad.evaluation.plots.histograms import Scores, attack_histogram_svg, histogram_svg
from fad.evaluation.plots.style import Look, label
from fad.evaluation.results.curves import set_curves
from fad.evaluation.results.evaluate import evaluate
from tests.helpers.reports import scored_trials

SVG = "{http://www.w3.org/2000/svg}"


def size(image: bytes) -> tuple[float, float]:
    """Width and height in points of a well-formed SVG that refers to nothing outside itself."""
    root = ElementTree.fromstring(image)
    assert root.tag == f"{SVG}svg"
    assert not any(found.tag == f"{SVG}script" for found in root.iter())
    links = [value for found in root.iter() for key, value in found.items() if key.endswith("href")]
    assert all(link.startswith("#") for link in links)
    return tuple(float(root.get(side).removesuffix("pt")) for side in ("width", "height"))


def groups(distance=2.0, attacks=("A01", "A02")):
    results = evaluate(scored_trials(distance, attacks=attacks), None, {"A01"}, resamples=5)
    return results["by"]["attack"]["groups"]


def curves(distance=2.0, calibrated=True):
    trials = scored_trials(distance)
    return set_curves(trials, {"A01"}, trials.scores if calibrated else None, {})


PLOTS = {
    "histograms": lambda n: histogram_svg(
        {f"s{i}": Scores(curves(i)["histogram"], 0.5) for i in range(n)}
    ),
    "attack histograms": lambda n: attack_histogram_svg(
        Scores(curves(n)["histogram"], 0.5), ["A01", "A02"]
    ),
    "calibration": lambda n: calibration_svg(
        {f"s{i}": curves(10 * i, calibrated=i % 2 == 0)["bayes"] for i in range(n)}
    ),
    "attacks": lambda n: attack_svg({f"s{i}": [groups(5 * i), groups(i)] for i in range(n)}),
    "cost": lambda n: cost_svg({f"s{i}": CostPoint([0.0, i], i, 0.0) for i in range(n)}, "eval"),
}


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("number", [1, 9])
def test_every_plot_is_one_image_in_itself_and_the_same_again(name, number):
    first = PLOTS[name](number)
    assert first == PLOTS[name](number)
    width, height = size(first)
    assert 200 < width < 700 and 100 < height < 1200


def test_attacks_that_training_saw_come_first_and_those_without_an_eer_are_left_out():
    found = groups(attacks=("A03", "A01", "A02")) | {"A00": {"eer_percent": None}}
    assert attack_order([found, {"A04": {"eer_percent": 1.0}}]) == ["A01", "A04", "A02", "A03"]


def test_of_too_many_attacks_the_hardest_are_shown():
    def image(number, rate):
        return attack_svg({"a": [{f"A{i:03d}": {"eer_percent": rate(i)} for i in range(number)}]})

    full, shown = image(MOST_ROWS, float), image(MOST_ROWS + 60, float)
    assert size(full) == size(shown)
    assert full != shown
    # Raising those that are not shown, below those that are, changes nothing.
    assert shown == image(MOST_ROWS + 60, lambda i: float(max(i, 5)))


def test_an_attack_or_a_system_without_results_leaves_the_rest_in_place():
    assert size(attack_svg({"a": [groups()], "none": [], "b": [groups(attacks=("A02",))]}))
    no_interval = {"A01": {"eer_percent": 0.0}, "A02": {"eer_percent": 100.0}}
    assert size(attack_svg({"a": [no_interval, {}]}))


def test_looks_do_not_repeat_among_many_systems():
    assert len({Look.of(index) for index in range(21)}) == 21


def test_long_names_are_cut_in_the_middle_and_hidden_ones_shown():
    assert label("short", 22) == "short"
    assert len(label("x" * 100, 22)) == 22 and "…" in label("abc" * 50, 22)
    assert label("_a", 22).endswith("_a") and not label("_a", 22).startswith("_")
