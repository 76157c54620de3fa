"""The guards of scores, keys and calibrations, each with the malformed input that needs it."""

from fad.evaluation.calibration import files as calibrated
from fad.evaluation.calibration import model as calibration
from fad.evaluation.sasv import files as sasv_files
from fad.evaluation.trials import columns_file, joining, reading, score_files, trials
from fad.evaluation.trials import keys as protocols
from fad.experiment.directory import ExperimentDir

from .planting import Planted, both, does_nothing, put, same


def any_number(text: str) -> float:
    """Python's own reading of a number."""
    return float(text.replace(",", "."))


PLANTED = [
    Planted("scores are numbers", "scores: a comma", put(score_files, "read_number", any_number)),
    Planted("scores are finite", "scores: NaN", put(score_files, "isfinite", lambda score: True)),
    Planted(
        "scores have labels",
        "evaluate: a trial too few",
        both(
            put(joining, "_check_trials", does_nothing),
            put(trials, "check_same_keys", does_nothing),
        ),
    ),
    Planted(
        "labels of keys",
        "key: labels as numbers",
        put(columns_file, "read_label", lambda word, _: ("spoof", "bonafide")[word == "1"]),
    ),
    Planted(
        "each trial once", "key: a trial twice", put(columns_file, "_check_utts", does_nothing)
    ),
    Planted(
        "cells of bearable length",
        "key: a very long label",
        put(columns_file, "_LONGEST", 10**6),
    ),
    Planted(
        "systems have the same trials",
        "calibrate: a phase that one system alone has",
        put(reading, "check_same_keys", does_nothing),
    ),
    Planted(
        "names are words",
        "apply: a name of two words",
        put(score_files, "_NO_WORD", score_files.re.compile("(?!)")),
    ),
    Planted(
        "attacks fit labels in keys",
        "key: bona fide with an attack",
        put(protocols, "_check_attacks", does_nothing),
    ),
    Planted(
        "labels of scores are the key's",
        "evaluate: labels that contradict the key",
        put(joining, "_check_labels", does_nothing),
    ),
    Planted(
        "a whole set or an asked phase",
        "evaluate: the scores of one phase alone",
        both(
            put(joining, "_check_trials", does_nothing),
            put(trials, "check_same_keys", does_nothing),
        ),
    ),
    Planted(
        "logits are numbers",
        "hostile: a pair of logits that is a command",
        put(score_files, "read_number", lambda text: eval(text) or 0.0),
    ),
    Planted(
        "SASV scores are finite",
        "SASV scores: NaN",
        put(score_files, "isfinite", lambda score: True),
    ),
    Planted(
        "SASV scores are those of the key",
        "SASV: a trial too many",
        put(sasv_files, "check_same_keys", does_nothing),
    ),
    Planted(
        "keys of a calibration",
        "calibration: a key too many",
        put(calibration, "_check_keys", does_nothing),
    ),
    Planted("numbers of a calibration", "calibration: a NaN", put(calibration, "_number", same)),
    Planted("keys come once", "calibration: a key twice", put(calibration, "_once", dict)),
    Planted(
        "the weights of a calibration",
        "score: a calibration of other weights",
        put(ExperimentDir, "weights_sha256", does_nothing),
    ),
    Planted(
        "the model of scores",
        "apply: scores of another model",
        put(calibrated, "recorded_weights", lambda path: "0" * 64),
    ),
]
