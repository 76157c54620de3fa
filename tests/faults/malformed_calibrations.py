"""Calibrations that are damaged, of other programs, or of other models than those they meet."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fad.bin.apply_calibration import main as apply_calibration
from fad.bin.calibrate import main as calibrate
from fad.bin.score import main as score
from fad.evaluation.calibration.model import read_calibration

from .fault import Fault, Hostile
from .inputs import Maker, file
from .malformed_scores import LABELS, SCORES
from .payloads import TAG, Bomb, unpickle, unsafe_yaml

SYSTEM = {"name": "a", "scores_sha256": None, "model_sha256": None, "weight": 1.5}
GOOD = {
    "version": 1,
    "p_spoof": 0.5,
    "offset": -0.5,
    "trials": {"bonafide": 3, "spoof": 4},
    "systems": [SYSTEM],
}
OTHER_MODEL = "0" * 64
PHASES = (
    "utt label phase\nu1 bonafide hidden\nu2 spoof hidden\n"
    "u3 bonafide progress\nu4 spoof progress\n"
)
WITH_PHASE = "utt score phase\nu1 1 eval\nu2 0 eval\nu3 1 dev\nu4 0 dev\n"
AGAIN = r": fit it again \(stage 4, or python -m fad.bin.calibrate\)$"


def text(content: str | bytes) -> Maker:
    return file("calibration.json", content)


def changed(**content: Any) -> Maker:
    """A good calibration but for these values; None leaves a key out."""
    found = {key: value for key, value in (GOOD | content).items() if value is not None}
    return text(json.dumps(found))


def system(**content: Any) -> Maker:
    return changed(systems=[SYSTEM | content])


def fusion(*options: str, **files: str) -> Callable[[Path], list[str]]:
    """Two systems' good scores and labels but for these; gives options, and those given here."""

    def make(folder: Path) -> list[str]:
        good = {"a": SCORES, "b": SCORES, "labels": LABELS, "c.json": json.dumps(GOOD)}
        for name, content in (good | files).items():
            (folder / name).write_text(content)
        return [*("--scores", "a", "--scores", "b"), *options]

    return make


def model(calibration: str | None) -> Callable[[Path], list[str]]:
    """An `exp/<tag>` that has weights and this calibration; gives the options of scoring."""

    def make(folder: Path) -> list[str]:
        (folder / "best.safetensors").write_bytes(b"weights")
        if calibration is not None:
            (folder / "calibration.json").write_text(calibration)
        return ["--model", ".", "--calibrated", "true", "a.wav"]

    return make


FIT = ("--labels", "labels", "--out", "new.json")
APPLY = ("--calibration", "c.json", "--out", "new")
RECORD = "  best.safetensors\n"
PAIR = json.dumps(GOOD | {"systems": [SYSTEM, SYSTEM]})
TWO_WORDS = "utt\tscore\nu 1\t1\n"
TWO = json.dumps(GOOD | {"systems": [SYSTEM, SYSTEM | {"model_sha256": OTHER_MODEL}]})

FAULTS = [
    *(
        Fault(f"calibration: {what}", make, read_calibration, f"calibration.json: {says}.*{AGAIN}")
        for what, make, says in (
            ("missing", lambda folder: folder / "calibration.json", "cannot be read .No such file"),
            ("empty", text(""), "is no JSON"),
            ("cut short", text(json.dumps(GOOD)[:60]), "is no JSON"),
            ("Latin-1", text(b'{"version": "\xe9"}'), "is no JSON"),
            ("a control character", text('{"a\x1b[2J": 1}'), "is no JSON"),
            ("100,000 brackets deep", text("[" * 100_000), "is no JSON"),
            ("a number of 5,000 digits", text("9" * 5000), "is no JSON"),
            ("2 MB of blanks", text(" " * 2_000_000), "over 1048576 bytes"),
            ("a key twice", text('{"version": 1, "version": 1}'), "is no JSON .a key occurs twice"),
            ("a list", text("[1]"), "it has not the keys"),
            ("null", text("null"), "it has not the keys"),
            ("a later version", changed(version=2), "is of version '2' where 1 is read"),
            ("a version that is text", changed(version="1\x1b[2J"), "is of version"),
            ("a key too few", changed(offset=None), "it has not the keys offset, p_spoof"),
            ("a key too many", changed(note="x"), "it has not the keys offset, p_spoof"),
            ("trials as a number", changed(trials=7), "'trials' has not the keys bonafide, spoof"),
            ("no bona fide trial", changed(trials={"bonafide": 0, "spoof": 1}), "'bonafide' is no"),
            ("half a trial", changed(trials={"bonafide": 1, "spoof": 0.5}), "'spoof' is no number"),
            ("true trials", changed(trials={"bonafide": 1, "spoof": True}), "'spoof' is no number"),
            ("a NaN", text(json.dumps(GOOD).replace("-0.5", "NaN")), "'offset' is no finite"),
            ("infinity", text(json.dumps(GOOD).replace("1.5", "1e999")), "'weight' is no finite"),
            ("an offset of text", changed(offset="1.5"), "'offset' is no finite number"),
            ("an offset of true", changed(offset=True), "'offset' is no finite number"),
            ("a prior of 1", changed(p_spoof=1.0), "'p_spoof' is 1.0, not between 0 and 1"),
            ("a negative prior", changed(p_spoof=-0.5), "'p_spoof' is -0.5, not between 0 and 1"),
            ("no system", changed(systems=[]), "'systems' is no list of systems"),
            ("systems as text", changed(systems="ab"), "'systems' is no list of systems"),
            ("a system as text", changed(systems=["a"]), "a system has not the keys"),
            ("a system without weight", changed(systems=[{"name": "a"}]), "a system has not the"),
            ("a name of two lines", system(name="a\nb"), "the 'name' of a system is no line"),
            ("a name that clears", system(name="\x1b[2J"), "the 'name' of a system is no line"),
            ("an empty name", system(name=""), "the 'name' of a system is no line"),
            ("half a character", system(name="\ud800"), "the 'name' of a system is no line"),
            ("a short sha256", system(model_sha256="ab"), "'model_sha256' is neither null nor"),
            ("a sha256 of 5", system(scores_sha256=5), "'scores_sha256' is neither null nor"),
        )
    ),
    *(
        Hostile(
            f"hostile: {what} as calibration.json",
            text(content),
            read_calibration,
            f"calibration.json: is no JSON.*{AGAIN}",
            unsafe=unsafe,
        )
        for what, content, unsafe in (
            ("a pickle", pickle.dumps(Bomb()), unpickle),
            ("a YAML tag", f"systems: {TAG}\n", unsafe_yaml),
        )
    ),
    *(
        Fault(f"calibrate: {what}", make, calibrate, says)
        for what, make, says in (
            ("no labels", fusion("--out", "new.json"), "^a: has no labels in it: give --key"),
            ("a trial too few", fusion(*FIT, b="u1 1\nu2 2\n"), r"without a score: 2 \(u3, u4\)"),
            (
                "other trials",
                fusion(*FIT, labels="u1 spoof\n"),
                "scores without a trial: 3",
            ),
            (
                "one class alone",
                fusion(*FIT, labels=LABELS.replace("spoof", "bonafide")),
                "^a: no spoofed trial",
            ),
            ("a prior of 0", fusion(*FIT, "--p_spoof", "0"), "p_spoof must lie between 1e-12 and"),
            ("a prior of 1e-300", fusion(*FIT, "--p_spoof", "1e-300"), "^a, b: p_spoof must lie"),
            (
                "two phases",
                fusion(*FIT, labels=PHASES),
                "^a: has the phases hidden, progress: say which with --phase",
            ),
            (
                "a phase that one system alone has",
                fusion(*FIT, b=WITH_PHASE),
                r"^a and b have different keys: 2 only in a \(u3, u4\): give a --key that has the",
            ),
            ("a prior of nan", fusion(*FIT, "--p_spoof", "nan"), "p_spoof must lie between"),
            (
                "scores of 1e300",
                fusion(*FIT, a=SCORES.replace("1.5", "1e300")),
                "^a, b: the scores are too large or too close together",
            ),
            ("no model", fusion(*FIT, "--model", "none"), "best.safetensors: missing: run stage 3"),
            (
                "a record of no weights",
                fusion(*FIT, **{"b.weights.sha256": "../../x  best.safetensors\n"}),
                "^b.weights.sha256: no sha256 of weights: score the set again",
            ),
        )
    ),
    *(
        Fault(f"apply: {what}", make, apply_calibration, says)
        for what, make, says in (
            ("a system too many", fusion(*APPLY), "^c.json: is of 1 systems and not of 2: give"),
            (
                "scores of another model",
                fusion(*APPLY, **{"c.json": TWO, "b.weights.sha256": f"{'1' * 64}{RECORD}"}),
                "^b: not of the model of a, which c.json was fitted on: give --scores in the order",
            ),
            (
                "scores of nobody knows what",
                fusion(*APPLY, **{"c.json": TWO}),
                "^b: not of the model of a, which c.json was fitted on: give --scores in the order",
            ),
            (
                "a name of two words",
                fusion(*APPLY, **{"c.json": PAIR}, a=TWO_WORDS, b=TWO_WORDS),
                "^new: 'u 1' has white space, a comma or a semicolon: name it without",
            ),
            (
                "other trials",
                fusion(
                    *APPLY,
                    **{"c.json": PAIR, "b": "u1 1\n"},
                ),
                r"a and b have different keys: 3 only in a",
            ),
            (
                "an output that is an input",
                fusion("--calibration", "c.json", "--out", "./a"),
                "^--out a: is an input and would be lost",
            ),
        )
    ),
    *(
        Fault(f"score: {what}", make, score, says)
        for what, make, says in (
            ("no calibration", model(None), f"^calibration.json: cannot be read.*{AGAIN}"),
            (
                "a calibration of other weights",
                model(json.dumps(GOOD)),
                f"^calibration.json: of other weights than best.safetensors{AGAIN}",
            ),
            (
                "a fusion",
                model(TWO),
                f"^calibration.json: is a fusion of 2 systems{AGAIN}",
            ),
        )
    ),
]
