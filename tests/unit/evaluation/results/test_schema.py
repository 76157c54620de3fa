"""results.json is what schema.json says that it is."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

import fad.evaluation.results
from fad.evaluation.calibration.files import calibrated_results
from fad.evaluation.calibration.model import Calibration, System
from fad.evaluation.results.evaluate import evaluate
from fad.evaluation.results.experiment import report
from fad.evaluation.results.tables import SCHEMA_VERSION
from fad.evaluation.trials.score_files import read_scores
from fad.evaluation.trials.trials import make_trials

SCHEMA = json.loads((Path(fad.evaluation.results.__file__).parent / "schema.json").read_text())


def check(instance, part=None):
    schema = SCHEMA if part is None else SCHEMA | {"$ref": f"#/$defs/{part}"}
    if part is not None:
        schema = {"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{part}"}
    Draft202012Validator(schema).validate(instance)


def test_the_schema_is_one_and_of_this_version():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["schema_version"]["const"] == SCHEMA_VERSION


def test_every_key_is_described():
    def walk(node, name):
        for key, value in node.get("properties", {}).items():
            target = value.get("$ref", "").rpartition("/")[2]
            told = value if "description" in value else SCHEMA["$defs"].get(target, value)
            assert told.get("description") or told.get("properties"), f"{name}.{key}"
            walk(value, f"{name}.{key}")

    walk(SCHEMA, "results")
    for name, node in SCHEMA["$defs"].items():
        walk(node, name)


def test_what_stage_5_writes(experiment, tmp_path):
    asv = tmp_path / "asv"
    asv.write_text("- target 3\n- target 1\n- nontarget -3\n- nontarget 0\ntts spoof 2\n")
    found = report(experiment.directory, Path("none"), {"eval": experiment.eval}, {"eval": asv})
    check(found)
    results = found["test_sets"]["eval"]
    assert {"min_tdcf_2021", "seen", "unseen", "eer_interval"} <= results.keys()


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["test_sets"]["eval"].pop("auc"),
        lambda found: found["test_sets"]["eval"].update(surprise=1),
        lambda found: found["test_sets"]["eval"].update(eer_percent="1.5"),
        lambda found: found["test_sets"]["eval"]["by"]["attack"].pop("against"),
        lambda found: found.update(schema_version=1),
    ],
)
def test_another_shape_is_seen(experiment, change):
    found = report(experiment.directory, Path("none"), {"eval": experiment.eval}, {})
    change(found)
    with pytest.raises(ValidationError):
        check(found)


def test_what_evaluate_prints(asvspoof2019_la):
    file = read_scores(asvspoof2019_la / "cm_scores" / "RawGAT_ST_add.txt")
    phases = {utt: "eval" if index % 2 else "hidden" for index, utt in enumerate(file.scores)}
    columns = {"attack": file.columns["attack"], "phase": phases}
    trials = make_trials("RawGAT", file.scores, file.labels, columns)
    check(evaluate(trials, threshold=1.0, resamples=0), "evaluation")


def test_what_is_said_of_calibrated_scores():
    scores, labels = {"u1": 1.0, "u2": -1.0}, {"u1": "bonafide", "u2": "spoof"}
    calibration = Calibration((2.0,), 0.5, 0.5, 1, 1, (System("dev"),))
    check(calibrated_results(make_trials("x", scores, labels), calibration), "calibrated")
